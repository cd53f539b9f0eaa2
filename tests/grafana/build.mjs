// Bundles the page. Aliases: what scenes asks for of an older router, and a CommonJS default that esbuild sees otherwise.
import { build } from 'esbuild';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
await build({
  entryPoints: [path.join(here, 'src/main.tsx')],
  bundle: true,
  outfile: process.argv[2],
  format: 'iife',
  target: 'es2022',
  minify: true,
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.svg': 'dataurl', '.ttf': 'empty', '.woff': 'dataurl', '.woff2': 'dataurl', '.png': 'dataurl' },
  alias: {
    'react-router-dom-v5-compat': 'react-router-dom',
    'react-custom-scrollbars-2': path.join(here, 'src/scrollbars.ts'),
  },
  logLevel: 'error',
});
