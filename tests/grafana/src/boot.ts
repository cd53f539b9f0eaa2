// What a Grafana server would put into its page. Must run before @grafana/runtime is loaded.
const asked = new URLSearchParams(window.location.search);
const theme = asked.get('theme') ?? 'dark';

Object.assign(window, {
  grafanaBootData: {
    settings: {
      buildInfo: { version: '13.2.1', commit: '', env: 'production', edition: 'Open Source' },
      datasources: {},
      defaultDatasource: 'prometheus',
      featureToggles: {},
      appSubUrl: '',
    },
    user: { theme, locale: 'en-GB', language: 'en-US', timezone: 'utc', orgId: 1, permissions: {} },
    navTree: [],
  },
  __grafana_public_path__: '/',
  queries: [],
  problems: [],
  pending: 0,
});

const problem = (text: string) => (window as any).problems.push(text);
window.addEventListener('error', (event) => {
  // Browsers say this of any layout that settles in two steps; nothing is lost.
  if (!/ResizeObserver loop/.test(event.message)) {
    problem(`error: ${event.message}`);
  }
});
window.addEventListener('unhandledrejection', (event) => problem(`rejected: ${event.reason}`));

export {};
