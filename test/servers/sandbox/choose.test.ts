import { expect, test } from "vitest";
import type { Backend, BackendName, Probe } from "../../../servers/sandbox/adapters/backend.ts";
import { bubblewrapBackend } from "../../../servers/sandbox/adapters/bubblewrap.ts";
import { openBackends } from "../../../servers/sandbox/adapters/choose.ts";

function backend(name: BackendName, probe: () => Probe): Backend & { readonly probes: () => number } {
  let probes = 0;
  const unused = (): never => {
    throw new Error("only probing is expected here");
  };
  return {
    name,
    isolation: "container",
    probes: () => probes,
    probe: async () => {
      probes += 1;
      return probe();
    },
    create: unused,
    layout: unused,
    exec: unused,
    isAlive: unused,
    destroy: unused,
    listOwned: unused,
  };
}

const works = (): Probe => ({ ok: true });
const fails = (): Probe => ({ ok: false, reason: "not here", hint: "install it" });

test("Docker comes first, bubblewrap second, and the wanted one alone", async () => {
  const both = openBackends(
    { docker: backend("docker", works), bubblewrap: backend("bubblewrap", works) },
    () => 0,
  );
  expect((await both.usable(undefined)).map(({ name }) => name)).toEqual(["docker", "bubblewrap"]);
  expect((await both.usable("bubblewrap")).map(({ name }) => name)).toEqual(["bubblewrap"]);
  const one = openBackends(
    { docker: backend("docker", fails), bubblewrap: backend("bubblewrap", works) },
    () => 0,
  );
  expect((await one.usable(undefined)).map(({ name }) => name)).toEqual(["bubblewrap"]);
  await expect(one.usable("docker")).rejects.toMatchObject({ code: "unavailable" });
});

test("where nothing works it refuses with every reason and fix, and does not degrade", async () => {
  const none = openBackends(
    { docker: backend("docker", fails), bubblewrap: backend("bubblewrap", fails) },
    () => 0,
  );
  await expect(none.usable(undefined)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/Docker: not here; bubblewrap: not here/),
    hint: expect.stringContaining("install it"),
  });
  await expect(none.usable("unisolated")).rejects.toMatchObject({ code: "denied" });
  expect(() => none.of("unisolated")).toThrow(/not allowed/);
});

test("a finding is believed for a minute, a failure for seconds", async () => {
  let now = 0;
  const docker = backend("docker", works);
  const bubblewrap = backend("bubblewrap", fails);
  const backends = openBackends({ docker, bubblewrap }, () => now);
  for (const at of [0, 1_000, 4_999, 5_000, 6_000, 59_000, 60_000]) {
    now = at;
    await backends.usable(undefined);
  }
  expect([docker.probes(), bubblewrap.probes()]).toEqual([2, 3]);
});

test("a machine without bubblewrap is told which package it lacks", async () => {
  const missing = bubblewrapBackend({
    root: "/nowhere",
    bwrap: "/nowhere/bwrap",
    busybox: [],
    setpriv: [],
    node: process.execPath,
    npm: () => null,
    python: () => null,
    uid: 1_000,
    pid: process.pid,
  });
  expect(await missing.probe()).toMatchObject({ ok: false, hint: expect.stringContaining("bubblewrap") });
});
