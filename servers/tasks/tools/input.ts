export { text, amount, whole, boundedList, closed, list, orElse, word } from "../../../kernel/mcp/input.ts";
