// Runs the MCP Inspector's command line many times in one process: a Node.js for each call would take a second each.
// node inspect.mjs CLI CALLS, where CLI is the module that `mcp-inspector --cli` runs, and CALLS a file with a JSON
// list of argument lists. Prints the exit code of each, as JSON, and what went wrong on stderr.
import { readFile } from "node:fs/promises";

const { runCli } = await import(process.argv[2]);
const codes = [];
for (const call of JSON.parse(await readFile(process.argv[3], "utf8"))) {
  try {
    await runCli(["node", "mcp-inspector", ...call]);
    codes.push(0);
  } catch (error) {
    console.error(error.message);
    codes.push(error.exitCode ?? 1);
  }
}
console.log(JSON.stringify(codes));
