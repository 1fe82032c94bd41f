// Reads one AsyncAPI document with AsyncAPI's own parser. Everything it remarks on, down to
// a hint, is a failure: `node asyncapi.mjs FILE`.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const [file] = process.argv.slice(2);
const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"), {
  source: file,
});

for (const { range, code, message, path } of diagnostics) {
  const { line, character } = range.start;
  console.log(`${file}:${line + 1}:${character + 1}: ${code}: ${path.join(".")}: ${message}`);
}
process.exitCode = document === undefined || diagnostics.length > 0 ? 1 : 0;
