// Runs a WASI program in this Node, and hands its arguments on: `node run.mjs PROGRAM ARGUMENT...`.
// It sees one folder, that of the packed policies.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [program, ...words] = process.argv.slice(2);
const wasi = new WASI({
  version: "preview1",
  args: [program, ...words],
  env: { TOOLGATE_POLICIES: "/policies" },
  preopens: { "/policies": process.env.TOOLGATE_POLICIES },
});
const module = await WebAssembly.compile(await readFile(program));
const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
console.log(`V8 ${process.versions.v8} in Node ${process.version}`);
process.exitCode = wasi.start(instance);
