/*
 * A process that arranges a table, for arrange.test.ts to kill: <destination> <StagedTable as JSON> <options as JSON>.
 */
import { arrangeTable } from "./stagedjob.ts";

const [destination = "", table = "", options = ""] = process.argv.slice(2);
await arrangeTable(destination, JSON.parse(table), JSON.parse(options));
