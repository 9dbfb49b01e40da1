//! A training client on a cluster that is not here. What is learnt is computed by another client,
//! as it would be on any number of GPUs that share a batch; what is simulated is the time that a
//! cluster would take, and what goes wrong in it.

use async_trait::async_trait;
use kitchen_flow::StageError;
use kitchen_sim::clock::{Clock, Interruption as Stop, Order, Work};
use kitchen_sim::cost::{Matrix, Network};
use kitchen_sim::input::{Activation, Batch as Sequences, Model};
use kitchen_train::{gpt_hidden_width, put_clock, take_clock};
use kitchen_types::config::{FeedForward, GptConfig, ModelConfig};
use kitchen_types::ports::{
    Batch, ClientError, ClientInfo, Completion, Counters, DataSpec, EvalReport, InputSpec, Inputs,
    Interruption, LayerInfo, Loss, LossReport, ModelState, OptimStep, Pending, PerSample,
    Predictions, Prompt, Sampling, StepReport, TokenLogprobs, TrainingClient,
};
use kitchen_types::question::{ActivationView, AttentionMap, Inspection};
use kitchen_types::{Number, RunConfig};

use crate::words;

/// Interruptions without a checkpoint between them after which nobody waits for the next.
const PATIENCE: u32 = 20;
/// A look at examples one by one is a forward and a backward pass: what three looks take.
const LOOKS_OF_A_STEP: f64 = 3.0;

/// A client that trains as another does, and takes the time of a cluster.
pub(crate) struct SimulatedCluster {
    inner: Box<dyn TrainingClient>,
    order: Order,
    clock: Clock,
    /// Examples of the step whose gradients are being added up, and of the steps that the clock
    /// knows.
    examples: u64,
    planned: u64,
    /// What stopped the cluster while nothing could be undone for it.
    stopped: Option<Stop>,
    /// Interruptions since the last checkpoint.
    fruitless: u32,
}

impl SimulatedCluster {
    /// A cluster on which `inner` trains.
    ///
    /// # Errors
    /// Why that cluster cannot be, or cannot train such a model.
    pub(crate) fn new(
        inner: Box<dyn TrainingClient>,
        config: &RunConfig,
        data: &DataSpec,
    ) -> Result<Self, StageError> {
        let planned = config.batch as u64 * config.optimizer.accumulate as u64;
        let cluster = &config.cluster;
        let order = Order {
            work: work(&config.model, data, &inner.describe().layers, planned),
            cluster: cluster.into(),
            failures_per_day: cluster.failures_per_day,
            incidents: cluster.incidents.clone(),
            seed: config.seed,
        };
        let clock = Clock::new(&order).map_err(|error| {
            StageError::new(format!("the cluster cannot be simulated: {error}"))
        })?;
        Ok(Self {
            inner,
            order,
            clock,
            examples: 0,
            planned,
            stopped: None,
            fruitless: 0,
        })
    }

    /// What is expected of a step, in words.
    pub(crate) fn forecast(&self) -> String {
        let found = self.clock.forecast();
        let layout = &found.layout;
        let memory = match found.memory_gib {
            Some((needed, has)) => format!(", {needed:.1} of {has:.0} GiB on the fullest"),
            None => String::new(),
        };
        format!(
            "a step takes {} ms there, at {} of the peak, in tp {}, pp {}, dp {}{memory}; what is \
             learnt is computed on the CPU here",
            words::value(1e3 * found.step),
            match found.mfu < 1e-3 {
                true => "less than 0.1 %".into(),
                false => words::percent(found.mfu),
            },
            layout.tp,
            layout.pp,
            layout.dp,
        )
    }

    fn name(&self) -> String {
        let cluster = &self.order.cluster;
        format!("{} x {}", cluster.gpus, cluster.accelerator)
    }

    /// A batch of another size is another step. Where it does not divide, some GPUs have less to do.
    fn plan_for(&mut self, examples: u64) -> Result<(), ClientError> {
        if examples == self.planned {
            return Ok(());
        }
        let count = u32::try_from(examples).unwrap_or(u32::MAX);
        match &mut self.order.work {
            Work::Transformer(_, batch) => {
                let layout = &self.clock.forecast().layout;
                let at_once = layout.dp.saturating_mul(layout.micro_batch).max(1);
                batch.global_batch = count.div_ceil(at_once).saturating_mul(at_once);
            }
            Work::Network(network) => network.batch = count,
        }
        let at = self.clock.at();
        self.clock = Clock::new(&self.order).map_err(|error| {
            ClientError::Failed(format!(
                "the cluster cannot take {examples} examples: {error}"
            ))
        })?;
        self.clock.set(at);
        self.planned = examples;
        Ok(())
    }

    /// Lets the cluster take a step. Says what stopped it, now or since the last step.
    fn step(&mut self) -> Result<(), ClientError> {
        let examples = std::mem::take(&mut self.examples);
        if examples == 0 {
            return Ok(());
        }
        self.plan_for(examples)?;
        let stopped = match self.stopped.take() {
            Some(stopped) => Err(stopped),
            None => self.clock.step(),
        };
        let Err(stopped) = stopped else {
            return Ok(());
        };
        self.fruitless += 1;
        if self.fruitless > PATIENCE {
            return Err(ClientError::Failed(format!(
                "the cluster failed {PATIENCE} times since the last checkpoint; save more often \
                 (`checkpoint.every`), or let it fail less (`cluster.failures_per_day`)"
            )));
        }
        Err(ClientError::Interrupted(told(&stopped)))
    }

    /// Lets something happen that cannot be interrupted: what stops it is told with the next step.
    fn spend(&mut self, pass: impl FnOnce(&mut Clock) -> Result<(), Stop>) {
        if let Err(stopped) = pass(&mut self.clock) {
            self.stopped.get_or_insert(stopped);
        }
    }

    fn look(&mut self, examples: usize, looks: f64) {
        let share = looks * examples as f64 / self.planned.max(1) as f64;
        self.spend(|clock| clock.look(share));
    }
}

fn told(stopped: &Stop) -> Interruption {
    let place = match stopped.gpu {
        Some(gpu) => format!("GPU {gpu} of node {}", stopped.node),
        None => format!("node {}", stopped.node),
    };
    Interruption {
        cause: format!("{} ({place})", stopped.cause),
        at_s: Number(stopped.at),
        down_s: Number(stopped.down),
    }
}

/// What a cluster has to do for a model.
fn work(model: &ModelConfig, data: &DataSpec, layers: &[LayerInfo], batch: u64) -> Work {
    let batch = u32::try_from(batch).unwrap_or(u32::MAX);
    match (model, &data.input) {
        (ModelConfig::Gpt(config), &InputSpec::Tokens { context, .. }) => Work::Transformer(
            transformer(config, data.outputs()),
            Sequences {
                seq_len: context as u32,
                global_batch: batch,
            },
        ),
        (_, input) => Work::Network(Network {
            matrices: layers
                .iter()
                .filter_map(|layer| matrix(layer, input))
                .collect(),
            parameters: layers.iter().map(numbers).sum(),
            batch,
        }),
    }
}

fn transformer(config: &GptConfig, vocabulary: usize) -> Model {
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Model {
        layers: count(config.layers),
        hidden: count(config.width),
        heads: count(config.heads),
        kv_heads: count(match config.kv_heads {
            0 => config.heads,
            shared => shared,
        }),
        head_dim: count(config.width / config.heads.max(1)),
        ffn: count(gpt_hidden_width(config)),
        activation: match config.feed_forward {
            FeedForward::Gelu => Activation::Gelu,
            FeedForward::SwiGlu => Activation::Swiglu,
        },
        vocab: count(vocabulary),
        tied_embeddings: config.tied,
        experts: None,
    }
}

/// The matrix that a weight is, if inputs are multiplied with it. A table of embeddings is read,
/// and the rest is added.
fn matrix(layer: &LayerInfo, input: &InputSpec) -> Option<Matrix> {
    let (outputs, inputs, uses) = match (layer.shape.as_slice(), input) {
        (_, _) if layer.name.contains("embedding") => return None,
        (&[outputs, inputs], InputSpec::Features { .. }) => (outputs, inputs, 1),
        (&[outputs, inputs], &InputSpec::Tokens { context, .. }) => (outputs, inputs, context),
        // Each pooling before a convolution leaves a quarter of the places.
        (&[outputs, inputs, height, width], InputSpec::Features { shape }) => {
            let places: usize = shape.iter().skip(1).product();
            let before = layer.name.split('.').find_map(|part| part.parse().ok());
            let quarters: u32 = before.unwrap_or(0);
            let left = places >> (2 * quarters).min(62);
            (outputs, inputs * height * width, left.max(1))
        }
        _ => return None,
    };
    Some(Matrix {
        inputs: inputs as f64,
        outputs: outputs as f64,
        uses: uses as f64,
    })
}

fn numbers(layer: &LayerInfo) -> f64 {
    layer.shape.iter().product::<usize>() as f64
}

#[async_trait(?Send)]
impl TrainingClient for SimulatedCluster {
    fn describe(&self) -> ClientInfo {
        ClientInfo {
            device: "cluster".into(),
            adapter: format!("{}, simulated", self.name()),
            ..self.inner.describe()
        }
    }

    async fn forward_backward(
        &mut self,
        batch: &Batch,
        loss: &Loss,
    ) -> Result<Pending<LossReport>, ClientError> {
        self.examples += batch.len() as u64;
        self.inner.forward_backward(batch, loss).await
    }

    async fn optim_step(&mut self, step: &OptimStep) -> Result<Pending<StepReport>, ClientError> {
        if let Err(error) = self.step() {
            self.inner.drop_gradients();
            return Err(error);
        }
        self.inner.optim_step(step).await
    }

    async fn grad_norms(&mut self) -> Result<Vec<Number>, ClientError> {
        self.inner.grad_norms().await
    }

    fn drop_gradients(&mut self) {
        // They took their time all the same.
        if std::mem::take(&mut self.examples) > 0 {
            self.spend(Clock::step);
        }
        self.inner.drop_gradients();
    }

    async fn evaluate(&mut self, batch: &Batch, loss: &Loss) -> Result<EvalReport, ClientError> {
        self.look(batch.len(), 1.0);
        self.inner.evaluate(batch, loss).await
    }

    async fn predict(&mut self, inputs: &Inputs) -> Result<Predictions, ClientError> {
        self.inner.predict(inputs).await
    }

    async fn logprobs(&mut self, batch: &Batch) -> Result<Vec<TokenLogprobs>, ClientError> {
        self.inner.logprobs(batch).await
    }

    async fn sample(
        &mut self,
        prompts: &[Prompt],
        sampling: &Sampling,
    ) -> Result<Vec<Completion>, ClientError> {
        self.inner.sample(prompts, sampling).await
    }

    async fn per_sample(&mut self, batch: &Batch, loss: &Loss) -> Result<PerSample, ClientError> {
        self.look(batch.len(), LOOKS_OF_A_STEP);
        self.inner.per_sample(batch, loss).await
    }

    async fn inspect(&mut self, batch: &Batch, loss: &Loss) -> Result<Inspection, ClientError> {
        self.inner.inspect(batch, loss).await
    }

    async fn activations(&mut self, inputs: &Inputs) -> Result<Vec<ActivationView>, ClientError> {
        self.inner.activations(inputs).await
    }

    async fn attention(&mut self, tokens: &[u32]) -> Result<Vec<AttentionMap>, ClientError> {
        self.inner.attention(tokens).await
    }

    async fn save(&mut self) -> Result<ModelState, ClientError> {
        self.spend(Clock::save);
        // A run that is cut off goes on from what is kept: whoever is not must do the same.
        let microseconds = (1e6 * self.clock.at()).ceil();
        self.clock.set(1e-6 * microseconds);
        self.fruitless = 0;
        let mut state = self.inner.save().await?;
        put_clock(&mut state, microseconds as u64);
        Ok(state)
    }

    /// The weights go back; time does not.
    async fn restore(&mut self, state: &ModelState) -> Result<(), ClientError> {
        let mut state = state.clone();
        let then = 1e-6 * take_clock(&mut state)? as f64;
        if then > self.clock.at() {
            self.clock.set(then);
        }
        self.examples = 0;
        self.inner.restore(&state).await
    }

    fn clock(&self) -> Option<f64> {
        Some(self.clock.at())
    }

    fn counters(&self) -> Counters {
        self.inner.counters()
    }
}

#[cfg(test)]
mod tests {
    use kitchen_types::config::{CnnConfig, MlpConfig, RnnConfig};
    use kitchen_types::ports::TargetSpec;

    use super::*;

    fn data(input: InputSpec) -> DataSpec {
        DataSpec {
            input,
            target: TargetSpec::NextToken,
        }
    }

    fn layer(name: &str, shape: &[usize]) -> LayerInfo {
        LayerInfo {
            name: name.into(),
            shape: shape.to_vec(),
        }
    }

    /// Of one example: what its matrices multiply, forward and backward.
    fn flops(model: &ModelConfig, input: InputSpec, layers: &[LayerInfo]) -> f64 {
        match work(model, &data(input), layers, 1) {
            Work::Network(network) => network.flops(),
            Work::Transformer(..) => f64::NAN,
        }
    }

    #[test]
    fn each_matrix_is_met_as_often_as_it_is() {
        let image = |side: usize| InputSpec::Features {
            shape: vec![1, side, side],
        };
        let words = InputSpec::Tokens {
            vocabulary: 27,
            context: 5,
        };
        let mlp = [
            layer("hidden.0.weight", &[256, 784]),
            layer("hidden.0.bias", &[256]),
            layer("head.weight", &[10, 256]),
        ];
        assert_eq!(
            flops(&ModelConfig::Mlp(MlpConfig::default()), image(28), &mlp),
            6.0 * (256.0 * 784.0 + 10.0 * 256.0)
        );
        // 28 x 28 places, then 14 x 14, then 7 x 7 numbers of each channel at once.
        let cnn = [
            layer("convolutions.0.weight", &[16, 1, 3, 3]),
            layer("convolutions.1.weight", &[32, 16, 3, 3]),
            layer("head.weight", &[10, 32 * 49]),
        ];
        assert_eq!(
            flops(&ModelConfig::Cnn(CnnConfig::default()), image(28), &cnn),
            6.0 * (784.0 * 144.0 + 196.0 * 4608.0 + 15_680.0)
        );
        // A table of embeddings is only read; the rest meets each of five tokens.
        let rnn = [
            layer("token_embedding.weight", &[27, 8]),
            layer("rnn.weight_ih_l0", &[32, 8]),
            layer("rnn.weight_hh_l0", &[32, 8]),
            layer("head.weight", &[27, 8]),
        ];
        assert_eq!(
            flops(&ModelConfig::Rnn(RnnConfig::default()), words, &rnn),
            6.0 * 5.0 * (256.0 + 256.0 + 216.0)
        );
    }
}
