// Starts the reference server of MCP, which uses all that the protocol had before 2026-07-28.
//
// In: TOOLGATE_MCP_NODE, the folder of the packages. Out: one line with the port of 127.0.0.1 that it listens on; the
// endpoint is `/mcp`. The program itself would listen on all addresses, and on a port that must be named before.

import { Server } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";

const listen = Server.prototype.listen;
Server.prototype.listen = function (_port, ...rest) {
  // No connection is closed for being idle: that would meet requests which are just coming.
  this.keepAliveTimeout = 600_000;
  this.once("listening", () => process.stdout.write(`${this.address().port}\n`));
  return listen.call(this, 0, "127.0.0.1", ...rest.filter((argument) => typeof argument === "function"));
};
// What it tells of its work would stand before the port.
console.log = () => {};
console.error = () => {};
const entry = "node_modules/@modelcontextprotocol/server-everything/dist/transports/streamableHttp.js";
await import(pathToFileURL(path.join(process.env.TOOLGATE_MCP_NODE, entry)).href);
