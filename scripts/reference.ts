/*
 * `npm run reference` writes docs/reference.md; a test fails where the committed file is another.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describedProgram, referencePage } from "./reference/page.ts";

writeFileSync(join(import.meta.dirname, "../docs/reference.md"), referencePage(describedProgram()));
