// A data source over Prometheus' HTTP API, with the manners of Grafana's own: how variables of several values stand in
// a query, what $__rate_interval is, and how results become frames.
import {
  DataFrame,
  DataQueryRequest,
  DataQueryResponse,
  DataSourceApi,
  FieldType,
  MetricFindValue,
  createDataFrame,
} from '@grafana/data';
import { sceneGraph } from '@grafana/scenes';

const asked = new URLSearchParams(window.location.search);
const SCRAPE_SECONDS = Number(asked.get('scrape') ?? 15);
const base = asked.get('prometheus') ?? '';
const w = window as any;

const escaped = (value: string) => value.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&');

function chosen(value: unknown, variable: any): string {
  const several = variable?.multi || variable?.includeAll || variable?.isMulti;
  if (Array.isArray(value)) {
    const all = value.map((each) => escaped(String(each)));
    return all.length === 1 ? all[0] : `(${all.join('|')})`;
  }
  return several ? escaped(String(value ?? '')) : String(value ?? '');
}

async function get(path: string, parameters: Record<string, string>): Promise<any> {
  w.pending += 1;
  try {
    const answer = await fetch(`${base}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const told = await answer.json();
    if (told.status !== 'success' || told.warnings?.length || told.infos?.length) {
      throw new Error(told.error ?? [...(told.warnings ?? []), ...(told.infos ?? [])].join('; '));
    }
    return told.data;
  } finally {
    w.pending -= 1;
  }
}

const legend = (pattern: string, labels: Record<string, string>) =>
  pattern.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '');

function asSeries(target: any, result: any[]): DataFrame[] {
  return result.map((each) => {
    const { __name__: name, ...labels } = each.metric;
    const points: Array<[number, string]> = each.values ?? [each.value];
    const shown = target.legendFormat ? legend(target.legendFormat, labels) : (name ?? target.refId);
    return createDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: points.map(([at]) => at * 1000), config: {} },
        {
          name: 'Value',
          type: FieldType.number,
          values: points.map(([, value]) => Number(value)),
          labels,
          config: { displayNameFromDS: shown },
        },
      ],
    });
  });
}

function asTable(target: any, result: any[], several: boolean): DataFrame[] {
  const labels = [...new Set(result.flatMap((each) => Object.keys(each.metric)))].filter((name) => name !== '__name__').sort();
  return [
    createDataFrame({
      refId: target.refId,
      fields: [
        { name: 'Time', type: FieldType.time, values: result.map((each) => each.value[0] * 1000), config: {} },
        ...labels.map((name) => ({
          name,
          type: FieldType.string,
          values: result.map((each) => each.metric[name] ?? ''),
          config: { filterable: true },
        })),
        {
          name: several ? `Value #${target.refId}` : 'Value',
          type: FieldType.number,
          values: result.map((each) => Number(each.value[1])),
          config: {},
        },
      ],
    }),
  ];
}

export class Prometheus extends DataSourceApi {
  constructor() {
    super({ uid: 'prometheus', name: 'Prometheus', type: 'prometheus', meta: { id: 'prometheus', info: {} } } as any);
  }

  async query(request: DataQueryRequest): Promise<DataQueryResponse> {
    const targets: any[] = request.targets.filter((each: any) => !each.hide);
    const scene = request.scopedVars.__sceneObject?.value.valueOf();
    const from = request.range.from.valueOf() / 1000;
    const to = request.range.to.valueOf() / 1000;
    const step = Math.max(Math.ceil((to - from) / Math.min(request.maxDataPoints ?? 400, 400)), 15);
    const vars = { ...request.scopedVars, __rate_interval: { text: '', value: `${Math.max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)}s` } };
    const made = await Promise.all(targets.map(async (target) => {
      const expr = sceneGraph.interpolate(scene, target.expr, vars, chosen as any);
      const where = { title: scene?.parent?.state?.title ?? scene?.parent?.parent?.state?.title ?? '', refId: target.refId, expr };
      try {
        const data = target.instant
          ? await get('query', { query: expr, time: String(to) })
          : await get('query_range', { query: expr, start: String(from), end: String(to), step: String(step) });
        w.queries.push({ ...where, series: data.result.length, points: data.result.reduce((sum: number, each: any) => sum + (each.values?.length ?? 1), 0) });
        const several = targets.filter((each) => each.format === 'table').length > 1;
        return target.format === 'table' ? asTable(target, data.result, several) : asSeries(target, data.result);
      } catch (error) {
        w.queries.push({ ...where, series: 0, error: String(error) });
        throw error;
      }
    }));
    return { data: made.flat() };
  }

  async metricFindQuery(query: any, options?: any): Promise<MetricFindValue[]> {
    const scene = options?.scopedVars?.__sceneObject?.value.valueOf();
    const text = typeof query === 'string' ? query : query.query;
    const found = /^label_values\((.+), (\w+)\)$/.exec(sceneGraph.interpolate(scene, text, options?.scopedVars, chosen as any));
    if (!found) {
      throw new Error(`not understood: ${text}`);
    }
    const values: string[] = await get(`label/${found[2]}/values`, { 'match[]': found[1] });
    return values.map((value) => ({ text: value }));
  }

  async testDatasource() {
    return { status: 'success', message: '' };
  }
}
