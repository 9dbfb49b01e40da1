// Times the training steps of a peer, and posts what it measured. It runs in a worker, as Kitchen
// does.

import { WORKS } from "./work.mjs";

// As many as Kitchen's own bench leaves out of count.
const WARM_UP = 3;

const ENGINES = { "jax-js": "./jax.mjs", tfjs: "./tfjs.mjs" };

async function measure(asked) {
  const work = WORKS[asked.get("work")];
  const { open } = await import(ENGINES[asked.get("engine")]);
  const begun = performance.now();
  const step = await open(asked.get("backend"), work);
  const times = [];
  const losses = [];
  let first = 0;
  for (let at = 0; at < WARM_UP + Number(asked.get("steps")); at++) {
    const before = performance.now();
    losses.push(await step());
    times.push(performance.now() - before);
    first ||= performance.now() - begun;
  }
  const counted = times.slice(WARM_UP).sort((a, b) => a - b);
  return {
    steps: counted.length,
    median_ms: counted[counted.length >> 1],
    min_ms: counted[0],
    first_step_ms: first,
    first_loss: losses.at(0),
    last_loss: losses.at(-1),
  };
}

measure(new URLSearchParams(location.search))
  .catch((error) => ({ error: String(error?.stack ?? error) }))
  .then((report) => postMessage(report));
