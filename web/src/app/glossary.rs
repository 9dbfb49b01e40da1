//! What the words mean: a "?" beside each opens a paragraph and where to read on.

use yew::{Html, html};

/// A word of the field. To add one, add an entry to [`TERMS`].
pub(super) struct Term {
    name: &'static str,
    about: &'static str,
    source: &'static str,
}

const TERMS: &[Term] = &[
    Term {
        name: "loss",
        about: "How wrong the model is, as one number that training lowers. For classes and letters it is the cross-entropy: the mean of -log p, where p is the probability that the model gave to the right answer. Someone who guesses among V answers has a loss of ln V (0.69 for two, 2.30 for ten, 4.17 for 65), and 0 means certain and right every time.",
        source: "Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.2.1",
    },
    Term {
        name: "held-out",
        about: "Examples that are never trained on. Only they tell whether the model has understood something or has learnt its examples by heart: when the loss on them rises while the training loss falls, it is overfitting.",
        source: "Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 7.2",
    },
    Term {
        name: "accuracy",
        about: "The share of held-out examples that the model gets exactly right. For questions with an answer of several digits, the whole answer must be right.",
        source: "Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), section 7.2",
    },
    Term {
        name: "learning rate",
        about: "How far each step moves the weights along the gradient. Too small, and nothing happens; too large, and the loss jumps about or explodes. The schedule changes it as training goes on: this is its peak.",
        source: "Goodfellow, Bengio and Courville, Deep Learning (2016), section 8.3.1",
    },
    Term {
        name: "batch",
        about: "How many examples one step looks at. Larger batches give a steadier gradient and use the processor better; smaller ones take more steps through the same data.",
        source: "Goodfellow, Bengio and Courville, Deep Learning (2016), section 8.1.3",
    },
    Term {
        name: "step",
        about: "One update of the weights: look at a batch, measure the loss, find the gradient, move the weights a little. An epoch is one pass over all training examples.",
        source: "Goodfellow, Bengio and Courville, Deep Learning (2016), section 8.3.1",
    },
    Term {
        name: "curves",
        about: "The line is the mean, the band reaches from the smallest to the largest value: no spike is hidden. Below, a dot is a checkpoint, a star the best one, a fork the step where a run branched off; the time machine goes back to any of them. Drag a chart to move it; two fingers, or the wheel with Ctrl, come closer; so do the keys + and -. A double click, or 0, shows all steps again.",
        source: "the page's documentation, docs/page.md",
    },
    Term {
        name: "gradient norm",
        about: "The length of the gradient of all weights together, before clipping. A sudden spike often comes from a bad batch; a value near zero means that nothing is learnt any more.",
        source: "Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks (2013)",
    },
    Term {
        name: "model",
        about: "What learns. A multi-layer perceptron (mlp) mixes all inputs with each other; a convolutional network (cnn) looks at neighbouring pixels together; a transformer (gpt) lets each letter look back at those before it; a recurrent network (rnn) reads them one by one.",
        source: "Goodfellow, Bengio and Courville, Deep Learning (2016), chapters 6, 9 and 10; Vaswani et al., Attention Is All You Need (2017)",
    },
    Term {
        name: "hidden layers",
        about: "The widths of the layers between input and output. None makes a linear model, whose border between classes is a straight line; each layer lets the border bend more.",
        source: "Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.4",
    },
    Term {
        name: "optimizer",
        about: "The rule that turns gradients into updates. SGD follows the gradient; Adam and AdamW divide by its recent size for each weight; Lion uses only its sign; Muon makes the updates of whole matrices orthogonal.",
        source: "Kingma and Ba, Adam (2015); Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019); Chen et al., Symbolic Discovery of Optimization Algorithms (2023); Jordan et al., Muon (2024)",
    },
    Term {
        name: "device",
        about: "Where the arithmetic is done. Small models are often faster on the CPU, since each kernel on a GPU takes some microseconds to launch however little it does. With auto, one step is timed on each and the faster is taken.",
        source: "measured on your machine, just now",
    },
    Term {
        name: "seed",
        about: "The root of all randomness: first weights, order of examples, dropout, what is sampled. The same seed and settings on the same device give the same run, to the last bit on the CPU.",
        source: "Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011)",
    },
    Term {
        name: "temperature",
        about: "How boldly the model chooses the next letter: 0 always takes the likeliest, 1 follows its own probabilities, more flattens them.",
        source: "Holtzman et al., The Curious Case of Neural Text Degeneration (2020)",
    },
];

/// A "?" that explains `name`; nothing if there is no such term.
pub(super) fn explain(name: &'static str) -> Html {
    let Some(term) = TERMS.iter().find(|term| term.name == name) else {
        return Html::default();
    };
    let id = format!("term-{}", name.replace(' ', "-"));
    html! {
        <>
            <button type="button" class="explain" popovertarget={id.clone()}
                aria-label={format!("what is meant by {name}")}>{ "?" }</button>
            <div id={id} class="explanation" popover="auto" role="note">
                <strong>{ name }</strong>
                <p>{ term.about }</p>
                <p class="quiet">{ term.source }</p>
            </div>
        </>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_is_explained_once_with_a_source() {
        for (place, term) in TERMS.iter().enumerate() {
            assert!(!term.about.is_empty() && !term.source.is_empty());
            assert!(TERMS[..place].iter().all(|other| other.name != term.name));
        }
    }
}
