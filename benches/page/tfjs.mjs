// The work in TensorFlow.js: its own Adam, `minimize`, one thread.

import "./node_modules/@tensorflow/tfjs/dist/tf.min.js";
import "./node_modules/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js";
import "./node_modules/@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js";

import { BETA1, BETA2, EPSILON, LEARNING_RATE, NORM_EPSILON, batch, weights } from "./work.mjs";

const { tf } = globalThis;

// Returns a function that takes one step and gives its loss.
export async function open(backend, work) {
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  tf.wasm.setWasmPaths(new URL("node_modules/@tensorflow/tfjs-backend-wasm/dist/", location).href);
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no ${backend} here`);
  await tf.ready();

  const params = Object.fromEntries(
    Object.entries(weights(work)).map(([name, { shape, values }]) => [
      name,
      tf.variable(tf.tensor(values, shape)),
    ]),
  );
  const given = batch(work);
  const classes = work.kind === "mlp" ? work.widths.at(-1) : work.vocabulary;
  // A product with one-hot rows embeds tokens: the gradient of `gather` needs a kernel that the
  // wasm backend lacks.
  const inputs =
    work.kind === "mlp"
      ? tf.tensor(given.inputs, [work.batch, work.widths[0]])
      : oneHot(given.inputs, work.vocabulary);
  const targets = oneHot(given.classes, classes);
  const forward = work.kind === "mlp" ? mlp : gpt(work);
  const optimizer = tf.train.adam(LEARNING_RATE, BETA1, BETA2, EPSILON);
  const loss = () => tf.losses.softmaxCrossEntropy(targets, forward(params, inputs, work));
  return async () => {
    const cost = optimizer.minimize(loss, true);
    const [value] = await cost.data();
    cost.dispose();
    return value;
  };
}

function oneHot(values, classes) {
  return tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(values, "int32"), classes), "float32"));
}

function mlp(params, x, { widths }) {
  const last = widths.length - 2;
  for (let at = 0; at <= last; at++) {
    x = linear(params, `${at}`, x);
    if (at < last) x = tf.relu(x);
  }
  return x;
}

function gpt({ context }) {
  const future = Float32Array.from({ length: context * context }, (_, at) =>
    at % context > Math.floor(at / context) ? -1e9 : 0,
  );
  const causal = tf.tensor(future, [context, context]);
  return (params, tokens, { layers, heads, width, batch }) => {
    const split = [batch, context, 3 * heads, width / heads];
    const scale = 1 / Math.sqrt(width / heads);
    let x = tf.reshape(tf.matMul(tokens, params.tokens), [batch, context, width]);
    x = tf.reshape(tf.add(x, params.positions), [-1, width]);
    for (let block = 0; block < layers; block++) {
      const qkv = linear(params, `${block}.qkv`, norm(params, `${block}.attention_norm`, x));
      const [q, k, v] = tf.split(tf.transpose(tf.reshape(qkv, split), [0, 2, 1, 3]), 3, 1);
      const scores = tf.matMul(tf.mul(q, scale), k, false, true);
      const attended = tf.matMul(tf.softmax(tf.add(scores, causal)), v);
      const joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [-1, width]);
      x = tf.add(x, linear(params, `${block}.projection`, joined));
      const up = linear(params, `${block}.up`, norm(params, `${block}.feed_forward_norm`, x));
      x = tf.add(x, linear(params, `${block}.down`, gelu(up)));
    }
    return tf.matMul(norm(params, "norm", x), params.tokens, false, true);
  };
}

function linear(params, name, x) {
  return tf.add(tf.matMul(x, params[`${name}.weight`]), params[`${name}.bias`]);
}

function norm(params, name, x) {
  const { mean, variance } = tf.moments(x, -1, true);
  const scaled = tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, NORM_EPSILON)));
  return tf.add(tf.mul(scaled, params[`${name}.weight`]), params[`${name}.bias`]);
}

function gelu(x) {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}
