// Shows one dashboard as Grafana's engine for dashboards (scenes) does, from the JSON that is committed.
import './boot';
import 'uplot/dist/uPlot.min.css';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { Observable, from as promised, map, catchError, of } from 'rxjs';
import { MemoryRouter } from 'react-router-dom';
import {
  EventBusSrv,
  LoadingState,
  ThemeContext,
  identityOverrideProcessor,
  standardEditorsRegistry,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
} from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { config, setAppEvents, setDataSourceSrv, setPluginImportUtils, setRunRequest, setTemplateSrv } from '@grafana/runtime';
import {
  DataSourceVariable,
  EmbeddedScene,
  QueryVariable,
  SceneControlsSpacer,
  SceneDataTransformer,
  SceneGridItem,
  SceneGridLayout,
  SceneGridRow,
  SceneQueryRunner,
  SceneTimePicker,
  SceneTimeRange,
  SceneVariableSet,
  TextBoxVariable,
  VariableValueSelectors,
  VizPanel,
} from '@grafana/scenes';
import { GlobalStyles, LinkButton, PortalContainer } from '@grafana/ui';
import { Prometheus } from './prom';
import { register } from './panels';

const asked = new URLSearchParams(window.location.search);
const w = window as any;

function standards() {
  const item = (id: string, path: string, defaultValue?: unknown) => ({
    id, path, name: id, defaultValue, editor: () => null, override: () => null, process: identityOverrideProcessor, shouldApply: () => true,
  });
  standardEditorsRegistry.setInit(() => []);
  standardFieldConfigEditorRegistry.setInit(() => [
    item('unit', 'unit'), item('min', 'min'), item('max', 'max'), item('decimals', 'decimals'), item('displayName', 'displayName'),
    item('color', 'color'), item('mappings', 'mappings', []), item('thresholds', 'thresholds'), item('links', 'links', []), item('noValue', 'noValue'),
  ] as any);
  const known = new Map(Object.values(standardTransformers).filter((t: any) => t?.id).map((t: any) => [t.id, t]));
  standardTransformersRegistry.setInit(() =>
    [...known.values()].map((t: any) => ({ id: t.id, editor: () => null, transformation: async () => t, name: t.name ?? t.id }) as any)
  );
}

function runtime() {
  setAppEvents(new EventBusSrv());
  const source = new Prometheus();
  const settings: any = { uid: 'prometheus', name: 'Prometheus', type: 'prometheus', meta: { id: 'prometheus', info: {} }, isDefault: true };
  setDataSourceSrv({
    get: async () => source,
    getInstanceSettings: () => settings,
    getList: () => [settings],
    reload: () => undefined,
    registerRuntimeDataSource: () => undefined,
  } as any);
  setRunRequest(((ds: any, request: any) =>
    (promised(Promise.resolve(ds.query(request))) as Observable<any>).pipe(
      map((answer) => ({ state: LoadingState.Done, series: answer.data, timeRange: request.range, request, structureRev: 1 })),
      catchError((error) => of({ state: LoadingState.Error, series: [], errors: [{ message: String(error) }], timeRange: request.range, request }))
    )) as any);
  setTemplateSrv({ replace: (text?: string) => text ?? '', getVariables: () => [], containsTemplate: () => false, updateTimeRange: () => undefined } as any);
  setPluginImportUtils({ importPanelPlugin: async (id: string) => { throw new Error(`no panel ${id}`); }, getPanelPluginFromCache: () => undefined } as any);
}

function variables(dashboard: any) {
  return new SceneVariableSet({
    variables: dashboard.templating.list.map((each: any) => {
      const chosen = asked.getAll(`var-${each.name}`);
      const common = { name: each.name, label: each.label, hide: each.hide };
      if (each.type === 'datasource') {
        return new DataSourceVariable({ ...common, pluginId: each.query, value: 'prometheus', text: 'Prometheus' });
      }
      if (each.type === 'textbox') {
        return new TextBoxVariable({ ...common, value: each.query });
      }
      if (each.type === 'query') {
        return new QueryVariable({
          ...common, datasource: each.datasource, query: each.query, regex: each.regex, sort: each.sort, refresh: each.refresh,
          isMulti: each.multi, includeAll: each.includeAll, allValue: each.allValue,
          value: chosen.length ? chosen : each.current.value, text: chosen.length ? chosen : each.current.text,
        });
      }
      throw new Error(`a variable of the type ${each.type} is not known here`);
    }),
  });
}

function panel(each: any) {
  const runner = new SceneQueryRunner({ datasource: each.datasource, queries: each.targets, maxDataPoints: 400 });
  const data = each.transformations?.length ? new SceneDataTransformer({ $data: runner, transformations: each.transformations }) : runner;
  return new SceneGridItem({
    x: each.gridPos.x, y: each.gridPos.y, width: each.gridPos.w, height: each.gridPos.h, isResizable: false, isDraggable: false,
    body: new VizPanel({
      key: `panel-${each.id}`, title: each.title, description: each.description, pluginId: each.type, options: each.options,
      fieldConfig: each.fieldConfig, $data: data, hoverHeader: false,
    }),
  });
}

function scene(dashboard: any) {
  const children = dashboard.panels.map((each: any) =>
    each.type === 'row' ? new SceneGridRow({ title: each.title, y: each.gridPos.y, isCollapsible: true, isCollapsed: false, children: [] }) : panel(each)
  );
  return new EmbeddedScene({
    $variables: variables(dashboard),
    $timeRange: new SceneTimeRange({ from: asked.get('from') ?? dashboard.time.from, to: asked.get('to') ?? 'now', timeZone: 'utc' }),
    controls: [new VariableValueSelectors({}), new SceneControlsSpacer(), new SceneTimePicker({})],
    body: new SceneGridLayout({ children, isLazy: false, isDraggable: false, isResizable: false }),
  });
}

async function main() {
  await initPluginTranslations('grafana');
  standards();
  runtime();
  register();
  const dashboard = await (await fetch(`/dashboards/${asked.get('dashboard')}.json`)).json();
  const made = scene(dashboard);
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={config.theme2}>
      <MemoryRouter>
        <GlobalStyles />
        <div style={{ padding: '8px 12px 0' }}>
          <div style={{ display: 'flex', alignItems: 'center', gap: 8, margin: '4px 0' }}>
            <h1 style={{ fontSize: 18, margin: 0, flexGrow: 1 }}>{dashboard.title}</h1>
            {dashboard.links.map((each: any) => (
              <LinkButton key={each.title} href={each.url} size="sm" variant="secondary" fill="outline" tooltip={each.tooltip}>
                {each.title}
              </LinkButton>
            ))}
          </div>
          <made.Component model={made} />
        </div>
        <PortalContainer />
      </MemoryRouter>
    </ThemeContext.Provider>
  );
  w.ready = true;
}

main().catch((error) => w.problems.push(`main: ${error?.stack ?? error}`));
