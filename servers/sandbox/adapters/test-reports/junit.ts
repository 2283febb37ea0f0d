import { placeIn, relativeTo, type TestCase } from "../../domain/test-report.ts";
import { clip, type Report } from "./report.ts";
import { readXml } from "./xml.ts";

interface Open {
  readonly name: string;
  readonly file: string | undefined;
  readonly line: string | undefined;
  status: TestCase["status"];
  message: string | undefined;
  text: string;
}

/** A report in the JUnit form, as pytest and many others write it. */
export const readJunit: Report = (text, root, onCase) => {
  const suites: { readonly name: string; readonly file: string | undefined }[] = [];
  let test: Open | undefined;
  let isReason = false;
  readXml(text, {
    onOpen({ name, attributes }) {
      if (name === "testsuite")
        suites.push({ name: attributes.get("name") ?? "", file: attributes.get("file") });
      else if (name === "testcase") {
        const group = attributes.get("classname") ?? suites.at(-1)?.name ?? "";
        const own = attributes.get("name") ?? "";
        test = {
          name: group === "" ? own : `${group} > ${own}`,
          file: attributes.get("file") ?? suites.at(-1)?.file,
          line: attributes.get("line"),
          status: "passed",
          message: undefined,
          text: "",
        };
      } else if (test !== undefined && (name === "failure" || name === "error")) {
        test.status = "failed";
        test.message ??= attributes.get("message");
        isReason = true;
      } else if (test !== undefined && name === "skipped" && test.status === "passed")
        test.status = "skipped";
    },
    onText(part) {
      if (isReason && test !== undefined && test.text.length < 20_000) test.text += part;
    },
    onClose(name) {
      if (name === "testsuite") suites.pop();
      if (name === "failure" || name === "error") isReason = false;
      if (name !== "testcase" || test === undefined) return;
      const { message, text: reason, file, line, ...rest } = test;
      const place = placeIn(reason, root);
      onCase({
        name: clip(rest.name),
        status: rest.status,
        file: place?.file ?? (file === undefined ? null : relativeTo(root, file)),
        line: place?.line ?? (line === undefined || !/^\d+$/.test(line) ? null : Number(line)),
        message: rest.status === "failed" ? clip(message ?? reason) : null,
      });
      test = undefined;
    },
  });
};
