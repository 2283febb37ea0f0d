import { exactVectors } from "../../../../servers/memory/index.ts";
import { vectorIndexConformance } from "./vector-conformance.ts";

vectorIndexConformance("exact", async () => ({ index: exactVectors(12), close: () => Promise.resolve() }));
