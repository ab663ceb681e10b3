// A server of the official TypeScript SDK, new line, which serves the newest version, and older ones without sessions.
//
// In: TOOLGATE_MCP_NODE, the folder of the packages. Out: one line with the port of 127.0.0.1 that it listens on; the
// endpoint is `/mcp`. What it answers depends on the calls alone.

import { createServer } from "node:http";
import { createRequire } from "node:module";

const require = createRequire(`${process.env.TOOLGATE_MCP_NODE}/`);
const { createMcpHandler, McpServer, inputRequired, acceptedContent } = require("@modelcontextprotocol/server");
const { toNodeHandler } = require("@modelcontextprotocol/node");
const { z } = require("zod");

const text = (said) => ({ content: [{ type: "text", text: said }] });

function server() {
  const own = new McpServer({ name: "typed", version: "1.0.0" }, { instructions: "Add numbers." });
  const numbers = z.object({ a: z.number(), b: z.number() });
  own.registerTool(
    "add",
    { description: "Adds two numbers.", inputSchema: numbers, outputSchema: z.object({ sum: z.number() }) },
    async ({ a, b }) => ({ ...text(String(a + b)), structuredContent: { sum: a + b } }),
  );
  own.registerTool("fail", { description: "Fails, as a tool does." }, async () => ({
    ...text("no paper in the printer"),
    isError: true,
  }));
  own.registerTool("count", { inputSchema: z.object({ to: z.number() }) }, async ({ to }, context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (let progress = 1; progress <= to && progressToken !== undefined; progress += 1) {
      await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress, total: to } });
    }
    return text(`counted to ${to}`);
  });
  const region = z.string().meta({ "x-mcp-header": "Region" });
  own.registerTool("place", { inputSchema: z.object({ region }) }, async ({ region: where }, context) =>
    text(`${where}: ${context.http?.req?.headers.get("mcp-param-region")}`),
  );
  own.registerTool("ask", { description: "Asks the user." }, async (context) => {
    const size = acceptedContent(context.mcpReq.inputResponses, "size");
    if (size !== undefined) return text(`accept: ${size.size}`);
    const schema = { type: "object", properties: { size: { type: "integer" } }, required: ["size"] };
    const question = inputRequired.elicit({ message: "Which size?", requestedSchema: schema });
    return inputRequired({ inputRequests: { size: question }, requestState: "as it was: {\"n\": 1.0}" });
  });
  own.registerPrompt("review", { argsSchema: z.object({ text: z.string() }) }, ({ text: what }) => ({
    messages: [{ role: "user", content: { type: "text", text: `Please review: ${what}` } }],
  }));
  own.registerResource("readme", "docs://readme", { mimeType: "text/markdown" }, async (uri) => ({
    contents: [{ uri: uri.href, mimeType: "text/markdown", text: "# About" }],
  }));
  return own;
}

const answer = toNodeHandler(createMcpHandler(server));
const listening = createServer((request, response) => answer(request, response));
// No connection is closed for being idle: that would meet requests which are just coming.
listening.keepAliveTimeout = 600_000;
listening.listen(0, "127.0.0.1", () => process.stdout.write(`${listening.address().port}\n`));
