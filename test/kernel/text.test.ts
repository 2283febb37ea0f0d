import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanText, clipText } from "../../kernel/text.ts";

describe("cleanText", () => {
  it.each([
    ["colour", "\u001b[1;31mred\u001b[0m", "red"],
    ["window title", "\u001b]0;owned\u0007text", "text"],
    ["hyperlink", "\u001b]8;;http://evil\u001b\\click\u001b]8;;\u001b\\", "click"],
    ["unfinished OSC ends with its line", "a\u001b]0;hidden\nb", "a\nb"],
    ["device control string", "\u001bPq#0\u001b\\x", "x"],
    ["C1 forms", "\u009b31mred\u009d0;t\u009cx", "redx"],
    ["cursor and charset escapes", "\u001b7a\u001b(Bb\u001bc", "ab"],
    ["escape at the end", "a\u001b", "a"],
    ["control characters", "a\u0000b\u0007c\bd\u007fe", "abcde"],
    ["line ends", "a\r\nb\rc\u2028d\te", "a\nb\nc\nd\te"],
    ["direction override", "if (x\u202e)", "if (x[U+202E])"],
    ["zero width and byte order mark", "\ufeffpass\u200bword\u2060", "password"],
    ["tag characters", "a\u{e0041}\u{e0042}b", "ab"],
    ["lone surrogates", "a\ud800b\udc00", "a\ufffdb\ufffd"],
    ["other scripts and emoji stay", "žluťoučký 漢字 👍", "žluťoučký 漢字 👍"],
  ])("%s", (_name, given, expected) => {
    expect(cleanText(given)).toBe(expected);
  });

  const nasty = fc.string({
    unit: fc.constantFrom(
      "\u001b",
      "[",
      "]",
      "P",
      "\\",
      "\u0007",
      "\u009b",
      "\u009c",
      "\n",
      "\r",
      "m",
      "\u202e",
      "\u200b",
      "\ud800",
      "\udc00",
      "a",
    ),
    maxLength: 60,
  });

  it("leaves nothing behind and changes nothing the second time", () => {
    fc.assert(
      fc.property(nasty, (text) => {
        const once = cleanText(text);
        expect(once).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202e]/);
        expect(once.isWellFormed()).toBe(true);
        expect(cleanText(once)).toBe(once);
      }),
    );
  });

  // A quadratic step would outlast the test's own time.
  it("gets through a long text made of unfinished escapes", () => {
    expect(cleanText("\u001b]\u001b[".repeat(400_000))).not.toContain("\u001b");
    expect(cleanText(`\u001b]${"x".repeat(2_000_000)}`)).not.toContain("\u001b");
  });
});

describe("clipText", () => {
  it("keeps what fits", () => {
    expect(clipText("abc", 3)).toBe("abc");
  });

  it("keeps both ends and says how much is missing", () => {
    const clipped = clipText(`start${"x".repeat(1000)}end`, 100);
    expect(clipped).toMatch(/^startx+\n\[\.\.\. \d+ characters cut \.\.\.\]\nx+end$/);
    const cut = Number(/(\d+) characters/.exec(clipped)?.[1]);
    expect(clipped.replace(/\n.*\n/, "").length + cut).toBe(1008);
  });

  it("stays within the limit and splits no character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 0, maxLength: 200 }), fc.nat(150), (text, max) => {
        const clipped = clipText(text.toWellFormed(), max);
        expect(clipped.length).toBeLessThanOrEqual(Math.max(max, 0));
        expect(clipped.isWellFormed()).toBe(true);
      }),
    );
  });
});
