// The glue between Grafana's own components and a dashboard's panels: in Grafana it is in its core, which is no package.
import React, { useMemo } from 'react';
import {
  DataFrame,
  FieldConfigProperty,
  FieldType,
  PanelPlugin,
  PanelProps,
  cacheFieldDisplayNames,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  identityOverrideProcessor,
} from '@grafana/data';
import { config } from '@grafana/runtime';
import { sceneUtils } from '@grafana/scenes';
import { BarGauge, BigValue, TimeSeries, VizRepeater, VizLayout, useTheme2 } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { VizOrientation } from '@grafana/schema';

function shown(props: PanelProps<any>) {
  return getFieldDisplayValues({
    fieldConfig: props.fieldConfig,
    reduceOptions: props.options.reduceOptions,
    replaceVariables: props.replaceVariables,
    theme: config.theme2,
    data: props.data.series,
    timeZone: props.timeZone,
    sparkline: props.options.graphMode === 'area',
  } as any);
}

function Stat(props: PanelProps<any>) {
  const theme = useTheme2();
  const { width, height, options } = props;
  return (
    <VizRepeater
      getValues={() => shown(props)}
      source={props.data}
      renderCounter={props.renderCounter}
      width={width}
      height={height}
      orientation={VizOrientation.Auto}
      itemSpacing={3}
      autoGrid
      renderValue={({ value, width: w, height: h }: any) => (
        <BigValue
          value={value.display}
          sparkline={value.sparkline}
          colorMode={options.colorMode}
          graphMode={options.graphMode}
          justifyMode={options.justifyMode}
          textMode={options.textMode}
          wideLayout={options.wideLayout}
          width={w}
          height={h}
          theme={theme}
        />
      )}
    />
  );
}

function Bars(props: PanelProps<any>) {
  const theme = useTheme2();
  const { width, height, options } = props;
  return (
    <VizRepeater
      getValues={() => shown(props)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      source={props.data}
      renderCounter={props.renderCounter}
      width={width}
      height={height}
      minVizHeight={options.minVizHeight}
      maxVizHeight={options.maxVizHeight}
      orientation={options.orientation}
      itemSpacing={4}
      renderValue={({ value, width: w, height: h, alignmentFactors }: any) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          text={options.text}
          width={w}
          height={h}
          orientation={options.orientation}
          displayMode={options.displayMode}
          showUnfilled={options.showUnfilled}
          valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement}
          alignmentFactors={alignmentFactors}
          itemSpacing={8}
          lcdCellWidth={12}
          theme={theme}
        />
      )}
    />
  );
}

const NOTHING = 'No data';

function Nothing({ text }: { text: string }) {
  return <div style={{ display: 'flex', height: '100%', alignItems: 'center', justifyContent: 'center', opacity: 0.7 }}>{text}</div>;
}

function Lines(props: PanelProps<any>) {
  const frames = useMemo(
    () =>
      props.data.series
        .filter((frame) => frame.fields.some((field) => field.type === FieldType.number))
        .map((frame) => ({
          ...frame,
          fields: frame.fields.map((field) => ({ ...field, config: { ...field.config, custom: { ...field.config.custom } } })),
        })),
    [props.data.series]
  );
  if (!frames.length) {
    return <Nothing text={props.fieldConfig.defaults.noValue ?? NOTHING} />;
  }
  return (
    <TimeSeries
      frames={frames as DataFrame[]}
      structureRev={props.data.structureRev}
      timeRange={props.timeRange}
      timeZone={props.timeZone}
      width={props.width}
      height={props.height}
      legend={props.options.legend}
      options={props.options}
      replaceVariables={props.replaceVariables}
    >
      {() => null}
    </TimeSeries>
  );
}

function Rows(props: PanelProps<any>) {
  const frame = props.data.series[0];
  // As Grafana's table does: a column stands under its displayed name, and is sorted by it.
  cacheFieldDisplayNames(props.data.series);
  if (!frame?.fields.length || !frame.length) {
    return <Nothing text={props.fieldConfig.defaults.noValue ?? NOTHING} />;
  }
  return (
    <TableNG
      width={props.width}
      height={props.height}
      data={frame}
      noHeader={!props.options.showHeader}
      sortBy={props.options.sortBy}
      cellHeight={props.options.cellHeight}
      resizable
      enableVirtualization={false}
      fieldConfig={props.fieldConfig}
      structureRev={props.data.structureRev}
      timeRange={props.timeRange}
      getActions={() => []}
    />
  );
}

const LINES = [
  'drawStyle', 'lineInterpolation', 'lineWidth', 'fillOpacity', 'gradientMode', 'spanNulls', 'showPoints', 'pointSize', 'stacking',
  'axisPlacement', 'axisLabel', 'axisColorMode', 'axisBorderShow', 'axisCenteredZero', 'scaleDistribution', 'hideFrom', 'thresholdsStyle',
  'barAlignment', 'insertNulls', 'lineStyle', 'axisGridShow', 'axisSoftMin', 'axisSoftMax', 'barWidthFactor', 'fillColor', 'lineColor',
];
const LINE_DEFAULTS: Record<string, unknown> = {
  drawStyle: 'line', lineInterpolation: 'linear', lineWidth: 1, fillOpacity: 0, gradientMode: 'none', spanNulls: false,
  showPoints: 'auto', pointSize: 5, stacking: { mode: 'none', group: 'A' }, axisPlacement: 'auto', axisLabel: '', axisColorMode: 'text',
  axisBorderShow: false, axisCenteredZero: false, scaleDistribution: { type: 'linear' }, barAlignment: 0, barWidthFactor: 0.6,
  hideFrom: { tooltip: false, viz: false, legend: false }, thresholdsStyle: { mode: 'off' },
};
const COLUMNS = ['width', 'minWidth', 'align', 'cellOptions', 'filterable', 'hideFrom', 'inspect', 'hidden', 'footer', 'tooltip'];
const COLUMN_DEFAULTS: Record<string, unknown> = {
  align: 'auto', cellOptions: { type: 'auto' }, inspect: false, filterable: false, hideFrom: { viz: false },
};

function plugin(id: string, component: React.ComponentType<PanelProps<any>>, custom: string[], defaults: Record<string, unknown>, palette: boolean) {
  const made = new PanelPlugin<any>(component);
  made.meta = { id, name: id, info: {}, module: '', baseUrl: '', type: 'panel', sort: 0 } as any;
  made.useFieldConfig({
    standardOptions: { [FieldConfigProperty.Color]: { defaultValue: { mode: palette ? 'palette-classic' : 'thresholds' } } },
    useCustomConfig: (builder) => {
      for (const name of custom) {
        builder.addCustomEditor({
          id: name, path: name, name, defaultValue: defaults[name], editor: () => null, override: () => null,
          process: identityOverrideProcessor, shouldApply: () => true,
        } as any);
      }
    },
  });
  sceneUtils.registerRuntimePanelPlugin({ pluginId: id, plugin: made });
}

export function register() {
  plugin('stat', Stat, [], {}, false);
  plugin('bargauge', Bars, [], {}, false);
  plugin('timeseries', Lines, LINES, LINE_DEFAULTS, true);
  plugin('table', Rows, COLUMNS, COLUMN_DEFAULTS, false);
}
