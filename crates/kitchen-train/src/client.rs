//! The local training client: one model and its optimizer on one device.

use async_trait::async_trait;
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, Transaction};
use kitchen_types::Number;
use kitchen_types::config::{ModelConfig, OptimizerConfig};
use kitchen_types::ports::{
    Batch, ClientError, ClientInfo, Completion, Counters, DataSpec, EvalReport, Inputs, Loss,
    LossReport, ModelState, OptimStep, Pending, PerSample, Predictions, Prompt, Sampling,
    StepReport, TokenLogprobs, TrainingClient,
};
use kitchen_types::question::{ActivationView, AttentionMap, Inspection};
use kitchen_types::random::Key;

use crate::batch::{Goal, goal, upload};
use crate::device::OpenDevice;
use crate::gradients::{Gradients, sum_of_squares};
use crate::loss;
use crate::model::{Model, Pass};
use crate::optimizer::{Optimizer, StepSize};
use crate::readback::{Readbacks, floats, ints};
use crate::{evaluate, inspect, per_sample, sample, weights};

/// Trains one model on one device of this machine.
#[derive(Debug)]
pub struct BurnClient {
    model: Model,
    data: DataSpec,
    config: OptimizerConfig,
    optimizer: Optimizer,
    device: OpenDevice,
    /// The root of the dropout masks.
    key: Key,
    /// Optimizer steps taken so far; with the batches in `gradients`, the place of a dropout mask.
    steps: u64,
    gradients: Gradients,
    readbacks: Readbacks,
}

impl BurnClient {
    /// A new model whose weights depend only on `seed`, on an open device.
    ///
    /// # Errors
    /// [`ClientError::Mismatch`] where the model does not fit the data or itself.
    pub fn open(
        model: &ModelConfig,
        data: &DataSpec,
        optimizer: &OptimizerConfig,
        device: OpenDevice,
        seed: u64,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            model: Model::new(model, data, seed, &device.burn.clone().autodiff())?,
            data: data.clone(),
            config: optimizer.clone(),
            optimizer: Optimizer::new(optimizer),
            device,
            key: Key::new(seed).purpose("model/dropout"),
            steps: 0,
            gradients: Gradients::default(),
            readbacks: Readbacks::default(),
        })
    }

    /// This forward pass of the training: its dropout masks depend on the step and on the batch
    /// within it, so that a resumed run draws what an uninterrupted one draws.
    fn training(&self) -> Pass {
        let key = self.key.at(self.steps).at(self.gradients.batches());
        Pass::training(key, self.device.is_cpu())
    }

    /// The gradients of one batch's mean loss, and the scalars measured on the way.
    fn gradients_of(
        &self,
        batch: &Batch,
        loss: &Loss,
        pass: &Pass,
    ) -> Result<(GradientsParams, loss::Objective), ClientError> {
        let goal = goal(batch, loss, &self.data)?;
        let input = upload(&batch.inputs, &self.data, &self.device.burn)?;
        let outputs = self.model.forward(input, pass);
        let objective = loss::objective(outputs, &goal);
        let gradients = GradientsParams::from_grads(objective.backward.backward(), &self.model);
        Ok((gradients, objective))
    }
}

#[async_trait(?Send)]
impl TrainingClient for BurnClient {
    fn describe(&self) -> ClientInfo {
        ClientInfo {
            device: self.device.name().into(),
            adapter: self.device.adapter().into(),
            parameters: self.model.num_params() as u64,
            layers: self.model.weights(),
            limits: Vec::new(),
        }
    }

    async fn forward_backward(
        &mut self,
        batch: &Batch,
        loss: &Loss,
    ) -> Result<Pending<LossReport>, ClientError> {
        let (gradients, objective) = self.gradients_of(batch, loss, &self.training())?;
        self.gradients.add(&self.model, gradients);

        let counted = objective.counted as f64;
        let ticket = self
            .readbacks
            .add([objective.mean].into_iter().chain(objective.correct));
        Ok(Pending::new(async move {
            let mut values = ticket.read().await?.into_iter();
            Ok(LossReport {
                loss: values.next().map_or(Number(f64::NAN), Number::from),
                accuracy: values
                    .next()
                    .map(|correct| Number(f64::from(correct) / counted)),
            })
        }))
    }

    async fn optim_step(&mut self, step: &OptimStep) -> Result<Pending<StepReport>, ClientError> {
        let gradients = std::mem::take(&mut self.gradients);
        if gradients.batches() == 0 {
            return Err(no_gradients());
        }
        let scales: Vec<f64> = step.scales.iter().map(|scale| scale.0).collect();
        if !scales.is_empty() && scales.len() != self.model.weights().len() {
            let weights = self.model.weights().len();
            return Err(ClientError::Failed(format!(
                "there are {} scales for the gradients of {weights} weights",
                scales.len()
            )));
        }
        let gradients = gradients.mean(&self.model, &scales);
        let size = StepSize {
            step: step.step,
            lr: step.lr,
            clip_norm: step.clip_norm,
            spikes: step.spikes,
        };
        if step.forget {
            self.optimizer.forget();
        }
        // Moved out rather than cloned, so that the optimizer can write in place; what stands in
        // for it meanwhile has no weights.
        let model = std::mem::replace(&mut self.model, Model::nothing());
        let (model, measured) = self.optimizer.step(model, gradients, size, step.measure);
        self.model = model;
        self.steps = step.step;

        let has_norm = measured.grad_norm.is_some();
        let scalars = measured.grad_norm.into_iter().chain(measured.update_ratio);
        let ticket = self.readbacks.add(scalars);
        self.readbacks.close();
        Ok(Pending::new(async move {
            let mut values = ticket.read().await?.into_iter().map(Number::from);
            Ok(StepReport {
                grad_norm: if has_norm { values.next() } else { None },
                update_ratio: values.next(),
            })
        }))
    }

    async fn grad_norms(&mut self) -> Result<Vec<Number>, ClientError> {
        let batches = self.gradients.batches();
        if batches == 0 {
            return Err(no_gradients());
        }
        let squares = self.gradients.squares(&self.model);
        let known: Vec<bool> = squares.iter().map(Option::is_some).collect();
        // Together with the losses that wait, in one read-back.
        let read = self.readbacks.add(squares.into_iter().flatten());
        let mut read = read.read().await?.into_iter();
        let mut norm = |is_known| match is_known {
            true => read.next().map_or(f64::NAN, f64::from).sqrt() / batches as f64,
            false => 0.0,
        };
        Ok(known.into_iter().map(|known| Number(norm(known))).collect())
    }

    fn drop_gradients(&mut self) {
        self.gradients = Gradients::default();
    }

    async fn evaluate(&mut self, batch: &Batch, loss: &Loss) -> Result<EvalReport, ClientError> {
        let goal = goal(batch, loss, &self.data)?;
        let outputs = self.infer(&batch.inputs)?;
        let losses = loss::of_rows(outputs.clone(), &goal);
        let reads = Transaction::default().register(losses);
        let reads = match goal {
            Goal::Classes { .. } => reads.register(outputs.argmax(1)),
            Goal::Squares(_) | Goal::Bits(_) => reads,
        };
        let mut read = self.readbacks.now(reads).await?.into_iter();
        let losses = read.next().map(floats).transpose()?.unwrap_or_default();
        let classes = read.next().map(ints).transpose()?.unwrap_or_default();
        let classes: Vec<u32> = classes.into_iter().map(|class| class as u32).collect();
        Ok(evaluate::report(batch, &goal, &losses, classes))
    }

    async fn predict(&mut self, inputs: &Inputs) -> Result<Predictions, ClientError> {
        let outputs = self.infer(inputs)?;
        let [_, width] = outputs.dims();
        let values = self.read(outputs).await?;
        Ok(Predictions { width, values })
    }

    async fn logprobs(&mut self, batch: &Batch) -> Result<Vec<TokenLogprobs>, ClientError> {
        let plain = Loss::CrossEntropy {
            label_smoothing: 0.0,
        };
        let goal = goal(batch, &plain, &self.data)?;
        let outputs = self.infer(&batch.inputs)?;
        let losses = self.read(loss::of_rows(outputs, &goal)).await?;
        let each = losses.len() / batch.len().max(1);
        Ok((batch.ids.iter().zip(losses.chunks(each.max(1))))
            .map(|(&id, losses)| TokenLogprobs {
                id,
                values: losses.iter().map(|loss| 0.0 - loss).collect(),
            })
            .collect())
    }

    async fn sample(
        &mut self,
        prompts: &[Prompt],
        sampling: &Sampling,
    ) -> Result<Vec<Completion>, ClientError> {
        let model = self.model.valid();
        sample::sample(
            &model,
            &self.data,
            &self.device.burn,
            &self.readbacks,
            prompts,
            sampling,
        )
        .await
    }

    async fn per_sample(&mut self, batch: &Batch, loss: &Loss) -> Result<PerSample, ClientError> {
        let goal = goal(batch, loss, &self.data)?;
        let input = upload(&batch.inputs, &self.data, &self.device.burn)?;
        let Some(measured) = per_sample::measure(&self.model, input, &goal, batch.len()) else {
            return self.per_sample_alone(batch, loss).await;
        };
        let reads = Transaction::default()
            .register(measured.losses)
            .register(measured.squares);
        let mut read = self.readbacks.now(reads).await?.into_iter();
        let losses = read.next().map(floats).transpose()?.unwrap_or_default();
        let squares = read.next().map(floats).transpose()?.unwrap_or_default();
        Ok(per_sample::report(&batch.ids, &goal, &losses, &squares))
    }

    async fn inspect(&mut self, batch: &Batch, loss: &Loss) -> Result<Inspection, ClientError> {
        let (gradients, _) = self.gradients_of(batch, loss, &Pass::inference())?;
        Ok(Inspection {
            step: self.steps,
            weights: inspect::weights(&self.model, gradients, &self.readbacks).await?,
            activations: self.activations(&batch.inputs).await?,
        })
    }

    async fn activations(&mut self, inputs: &Inputs) -> Result<Vec<ActivationView>, ClientError> {
        let pass = Pass::watched();
        self.pass(&inspect::first(inputs), &pass)?;
        inspect::activations(pass.seen(), &self.readbacks).await
    }

    async fn attention(&mut self, tokens: &[u32]) -> Result<Vec<AttentionMap>, ClientError> {
        let inputs = Inputs::Tokens {
            context: tokens.len(),
            values: tokens.to_vec(),
        };
        let pass = Pass::watched();
        self.pass(&inputs, &pass)?;
        let maps = inspect::attention(pass.seen(), &self.readbacks).await?;
        if maps.is_empty() {
            return Err(ClientError::Unsupported {
                client: "a model without attention".into(),
                what: "show where it looks; `model=gpt` can".into(),
            });
        }
        Ok(maps)
    }

    async fn save(&mut self) -> Result<ModelState, ClientError> {
        let weights = weights::save(&self.model, &self.readbacks).await?;
        let mut optimizer = self.optimizer.state(&self.model).await?;
        optimizer.push(weights::counter(STEPS, self.steps));
        Ok(ModelState { weights, optimizer })
    }

    async fn restore(&mut self, state: &ModelState) -> Result<(), ClientError> {
        weights::check(&self.model, &state.weights)?;
        // A clock is somebody else's affair: here the time is our own.
        let (_, optimizer) = weights::split_counter(weights::CLOCK, &state.optimizer)?;
        let (steps, optimizer) = weights::split_counter(STEPS, &optimizer)?;
        let mut fresh = Optimizer::new(&self.config);
        if !optimizer.is_empty() {
            fresh.load(&self.model, &optimizer)?;
        }
        let model = std::mem::replace(&mut self.model, Model::nothing());
        self.model = weights::load(model, &state.weights);
        self.optimizer = fresh;
        self.steps = steps;
        self.drop_gradients();
        Ok(())
    }

    fn counters(&self) -> Counters {
        Counters {
            // Whoever counts them counts those of the whole process, and slows each launch: that
            // is left to the bench.
            launches: None,
            readbacks: Some(self.readbacks.waits()),
            peak_memory_bytes: kitchen_platform::peak_memory_bytes(),
        }
    }
}

fn no_gradients() -> ClientError {
    ClientError::Failed("no gradients to step with; call forward_backward first".into())
}

/// The name under which the optimizer's state counts the steps taken.
const STEPS: &str = "steps";

impl BurnClient {
    /// What [`per_sample`](TrainingClient::per_sample) measures, by a forward and a backward pass
    /// for each example alone: slow, and simple enough to be believed. Tests compare the two, and
    /// a model with weights that no probe sees is measured so.
    ///
    /// # Errors
    /// [`ClientError::Mismatch`] where batch, loss and model do not fit each other;
    /// [`ClientError::DeviceLost`].
    pub async fn per_sample_alone(
        &self,
        batch: &Batch,
        loss: &Loss,
    ) -> Result<PerSample, ClientError> {
        goal(batch, loss, &self.data)?;
        let mut reads = Transaction::default();
        let mut counts = Vec::with_capacity(batch.len());
        for place in 0..batch.len() {
            let alone = evaluate::example(batch, place);
            counts.push(evaluate::counts(&alone));
            if evaluate::counts(&alone) {
                let (gradients, objective) = self.gradients_of(&alone, loss, &Pass::inference())?;
                let squares = sum_of_squares(&self.model, gradients);
                reads = reads.register(objective.mean).register(squares);
            }
        }
        let read = self.readbacks.now(reads).await?;
        let read: Result<Vec<Vec<f32>>, _> = read.into_iter().map(floats).collect();
        let mut numbers = read?.concat().into_iter().map(f64::from);
        let mut next = |counts| match counts {
            true => numbers.next().unwrap_or(f64::NAN),
            // An example without a target that counts teaches nothing.
            false => 0.0,
        };
        let (losses, grad_norms) = (counts.into_iter())
            .map(|counts| (Number(next(counts)), Number(next(counts).sqrt())))
            .unzip();
        Ok(PerSample {
            ids: batch.ids.clone(),
            losses,
            grad_norms,
            method: "a forward and a backward pass for each example alone, without dropout".into(),
        })
    }

    /// Outputs for `inputs`, `[rows, outputs]`, without autodiff or dropout.
    fn infer(&self, inputs: &Inputs) -> Result<Tensor<2>, ClientError> {
        self.pass(inputs, &Pass::inference())
    }

    fn pass(&self, inputs: &Inputs, pass: &Pass) -> Result<Tensor<2>, ClientError> {
        let input = upload(inputs, &self.data, &self.device.burn)?;
        Ok(self.model.valid().forward(input, pass))
    }

    async fn read<const D: usize>(&self, tensor: Tensor<D>) -> Result<Vec<f32>, ClientError> {
        let read = self
            .readbacks
            .now(Transaction::default().register(tensor))
            .await?;
        Ok(read
            .into_iter()
            .map(floats)
            .collect::<Result<Vec<_>, _>>()?
            .concat())
    }
}
