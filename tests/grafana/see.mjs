// Opens dashboards in a headless Chromium, waits until every query is answered, and tells what went wrong.
// node see.mjs PAGE.js DASHBOARDS PROMETHEUS CHROMIUM < [{"dashboard", "theme", "width", "picture", "chosen", "from"}, …]
// Prints one line of JSON for each.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = path.dirname(fileURLToPath(import.meta.url));
const [script, dashboards, prometheus, executablePath] = process.argv.slice(2);
const jobs = JSON.parse(await new Response(process.stdin).text());
const PAGE = `<!doctype html><html><head><meta charset="utf-8"><link rel="stylesheet" href="/page.css">
<style>html{font-size:14px}body{margin:0}</style></head>
<body><div id="root"></div><script src="/page.js"></script></body></html>`;
const TYPES = { '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json', '.svg': 'image/svg+xml' };
const ICONS = path.join(here, 'node_modules/@grafana/ui/dist/public/img/icons');
const FONTS = path.join(here, 'node_modules/@fontsource/inter/files');
const CELL = 38; // height of a row of the grid, its gap included
const HEAD = 132; // title, variables
const DONE_SECONDS = 60;

async function file(url) {
  if (url === '/') return [PAGE, 'text/html'];
  const known = { '/page.js': script, '/page.css': script.replace(/\.js$/, '.css') };
  const icons = '/build/img/icons/';
  const weight = { '/fonts/inter/Inter-Regular.woff2': 400, '/fonts/inter/Inter-Medium.woff2': 500 }[url];
  if (weight) return [await readFile(path.join(FONTS, `inter-latin-${weight}-normal.woff2`)), 'font/woff2'];
  if (url === '/favicon.ico') return ['', 'image/x-icon'];
  const at =
    known[url] ??
    (url.startsWith('/dashboards/') ? path.join(dashboards, path.basename(url)) : undefined) ??
    (url.startsWith(icons) ? path.join(ICONS, path.normalize(`/${url.slice(icons.length)}`)) : undefined);
  return at ? [await readFile(at), TYPES[path.extname(at)] ?? 'application/octet-stream'] : undefined;
}

const server = createServer(async (request, response) => {
  try {
    const found = await file(decodeURIComponent(new URL(request.url, 'http://x').pathname));
    response.writeHead(found ? 200 : 404, { 'content-type': found?.[1] ?? 'text/plain' }).end(found?.[0]);
  } catch {
    // A few icons that scenes asks for are in Grafana's core only.
    const icon = request.url.startsWith('/build/img/icons/');
    response.writeHead(icon ? 200 : 404, { 'content-type': 'image/svg+xml' }).end(icon ? '<svg xmlns="http://www.w3.org/2000/svg"/>' : '');
  }
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const address = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

async function see(job) {
  const found = { dashboard: job.dashboard, theme: job.theme, problems: [], queries: [] };
  const depth = JSON.parse(await readFile(path.join(dashboards, `${job.dashboard}.json`))).panels
    .reduce((most, { gridPos: { y, h } }) => Math.max(most, y + h), 0);
  const height = Math.min(job.height ?? 1e9, depth * CELL + HEAD);
  const context = await browser.newContext({ viewport: { width: job.width ?? 1600, height }, colorScheme: job.theme, timezoneId: 'UTC' });
  const page = await context.newPage();
  page.on('pageerror', (error) => found.problems.push(`page: ${error.message}`));
  page.on('console', (said) => {
    if (said.type() === 'error') found.problems.push(`console: ${said.text()} ${said.location().url ?? ''}`);
  });
  const asked = new URLSearchParams({ dashboard: job.dashboard, theme: job.theme, prometheus, ...(job.from ? { from: job.from } : {}), ...(job.scrape ? { scrape: job.scrape } : {}) });
  for (const [name, values] of Object.entries(job.chosen ?? {})) values.forEach((value) => asked.append(`var-${name}`, value));
  await page.goto(`${address}/?${asked}`);
  const targets = JSON.parse(await readFile(path.join(dashboards, `${job.dashboard}.json`))).panels
    .reduce((sum, { targets: own }) => sum + (own?.length ?? 0), 0);
  try {
    await page.waitForFunction(
      (wanted) => window.problems.length || (window.ready && window.pending === 0 && window.queries.length >= wanted),
      targets,
      { timeout: DONE_SECONDS * 1000, polling: 100 }
    );
    // All is answered: two frames, and the moment that React and uPlot take to draw.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 600)))));
  } catch (error) {
    found.problems.push(`not done: ${error.message.split('\n')[0]}`);
  }
  Object.assign(found, await page.evaluate(() => ({ queries: window.queries, own: window.problems })));
  found.problems.push(...found.own);
  found.panels = await page.evaluate(() =>
    [...document.querySelectorAll('[data-viz-panel-key]')].map((panel) => ({
      title: panel.querySelector('h2,h6,[title]')?.textContent ?? '',
      text: panel.innerText,
      drawn: !!panel.querySelector('canvas, [role="grid"], svg, [data-testid*="BarGauge"], [data-testid*="Bar gauge"]'),
      failed: !!panel.querySelector('[data-testid*="Panel status error"]'),
    }))
  );
  if (job.picture) await page.screenshot({ path: job.picture });
  await context.close();
  delete found.own;
  return found;
}

let failed = false;
for (const job of jobs) {
  try {
    console.log(JSON.stringify(await see(job)));
  } catch (error) {
    failed = true;
    console.log(JSON.stringify({ dashboard: job.dashboard, theme: job.theme, problems: [String(error)], queries: [], panels: [] }));
  }
}
await browser.close();
server.close();
process.exit(failed ? 1 : 0);
