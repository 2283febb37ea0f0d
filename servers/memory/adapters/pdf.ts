import { DomainError } from "../../../kernel/errors.ts";

const MAX_PAGES = 1_000;

/**
 * The text of a PDF, its pages parted by a form feed.
 *
 * @throws {DomainError} invalid for a broken or locked one; limit for more than 1,000 pages; unavailable where the
 * reader is not installed.
 */
export async function readPdf(bytes: Uint8Array): Promise<string> {
  const { extractText, getDocumentProxy } = await import("unpdf").catch((cause: unknown) => {
    throw new DomainError("unavailable", "the PDF reader is not installed", {
      hint: "npm install unpdf",
      retryable: false,
      cause,
    });
  });
  try {
    const pdf = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0 });
    try {
      if (pdf.numPages > MAX_PAGES)
        throw new DomainError("limit", `the PDF has ${pdf.numPages} pages, at most ${MAX_PAGES} are read`, {
          hint: "split it",
        });
      const { text } = await extractText(pdf, { mergePages: false });
      return text.join("\n\n\f");
    } finally {
      await pdf.loadingTask.destroy();
    }
  } catch (cause) {
    if (cause instanceof DomainError) throw cause;
    throw new DomainError("invalid", "the PDF cannot be read", {
      hint: "it is broken or locked; give its text instead",
      cause,
    });
  }
}
