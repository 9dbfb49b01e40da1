// The work that is timed: the models, weights and batches of crates/kitchen-train/src/bench/work.rs.

export const LEARNING_RATE = 1e-3;
export const BETA1 = 0.9;
export const BETA2 = 0.999;
export const EPSILON = 1e-8;
export const NORM_EPSILON = 1e-5;

export const WORKS = {
  "mlp-784": { kind: "mlp", widths: [784, 256, 128, 10], batch: 128 },
  "gpt-210k": {
    kind: "gpt",
    layers: 4,
    heads: 4,
    width: 64,
    context: 64,
    vocabulary: 65,
    batch: 16,
  },
};

// Weights as { name: { shape, values } }.
export function weights(work) {
  return work.kind === "mlp" ? mlpWeights(work) : gptWeights(work);
}

// One batch, which every step trains on: `inputs` and `classes` in plain arrays.
export function batch(work) {
  if (work.kind === "mlp") {
    const [pixels] = work.widths;
    return {
      inputs: Float32Array.from({ length: work.batch * pixels }, uniform),
      classes: integers(work.batch, work.widths.at(-1)),
    };
  }
  const count = work.batch * work.context;
  return {
    inputs: integers(count, work.vocabulary),
    classes: integers(count, work.vocabulary),
  };
}

function mlpWeights({ widths }) {
  const all = {};
  for (let at = 0; at + 1 < widths.length; at++) {
    const [inputs, outputs] = [widths[at], widths[at + 1]];
    all[`${at}.weight`] = normal([inputs, outputs], Math.sqrt(2 / inputs));
    all[`${at}.bias`] = constant([outputs], 0);
  }
  return all;
}

// As GPT-2: normalised before each half of a block, biases everywhere, and the output layer shares
// the weights of the embedding.
function gptWeights({ layers, width, context, vocabulary }) {
  const deviation = 0.02;
  const residual = deviation / Math.sqrt(2 * layers);
  const all = {
    tokens: normal([vocabulary, width], deviation),
    positions: normal([context, width], deviation),
  };
  const linear = (name, inputs, outputs, deviation) => {
    all[`${name}.weight`] = normal([inputs, outputs], deviation);
    all[`${name}.bias`] = constant([outputs], 0);
  };
  const norm = (name) => {
    all[`${name}.weight`] = constant([width], 1);
    all[`${name}.bias`] = constant([width], 0);
  };
  for (let block = 0; block < layers; block++) {
    norm(`${block}.attention_norm`);
    linear(`${block}.qkv`, width, 3 * width, deviation);
    linear(`${block}.projection`, width, width, residual);
    norm(`${block}.feed_forward_norm`);
    linear(`${block}.up`, width, 4 * width, deviation);
    linear(`${block}.down`, 4 * width, width, residual);
  }
  norm("norm");
  return all;
}

function constant(shape, value) {
  return { shape, values: new Float32Array(size(shape)).fill(value) };
}

function normal(shape, deviation) {
  // Box and Muller 1958.
  const draw = () =>
    deviation * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { shape, values: Float32Array.from({ length: size(shape) }, draw) };
}

function integers(length, below) {
  return Int32Array.from({ length }, () => Math.floor(uniform() * below));
}

function size(shape) {
  return shape.reduce((product, side) => product * side, 1);
}

// Marsaglia's xorshift32: the same numbers on every run.
let state = 0x9e3779b9;
function uniform() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}
