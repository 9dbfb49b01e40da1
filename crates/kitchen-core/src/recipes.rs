//! Recipes: sensible whole requests, by name. To add one, add an entry here.

/// A named request with everything filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// What it is called.
    pub name: &'static str,
    /// What it trains, in a line.
    pub title: &'static str,
    /// What a person learns from it.
    pub teaches: &'static str,
    /// What comes out.
    pub expect: &'static str,
    /// How long it takes on two cores without a GPU.
    pub takes: &'static str,
    /// What to try after it, as arguments of `run`, each with what it shows.
    pub next: &'static [(&'static str, &'static str)],
    /// Its settings, as TOML over the defaults of `RunConfig`.
    pub settings: &'static str,
}

/// Every recipe; the first is the default.
pub const RECIPES: &[Recipe] = &[
    Recipe {
        name: "digits",
        title: "tell handwritten digits apart",
        teaches: "classification: a small network reads 8x8 images, and the confusion matrix shows which digits it mixes up",
        expect: "at least 97 % of held-out digits right (guessing gives 10 %)",
        takes: "a few seconds",
        next: &[
            (
                "digits model=cnn",
                "a convolutional network sees neighbouring pixels together",
            ),
            (
                "digits model.hidden=[]",
                "a linear model: how far do straight lines get?",
            ),
            (
                "fashion-mnist",
                "the same question on 60,000 photos of clothes",
            ),
        ],
        settings: r#"
steps = "30 epochs"
batch = 32
lr = 0.003

[data.digits]

[model.mlp]
hidden = [128, 64]
dropout = 0.1

[schedule]
warmup = 50
shape.cosine.end = 0.05

[checkpoint]
every = "5 epochs"
"#,
    },
    Recipe {
        name: "night-shift",
        title: "look after itself while examples and memory go bad",
        teaches: "supervision: four training images are spoilt and a number turns into NaN; the run notices, goes back, leaves out what is to blame, and goes on",
        expect: "about as many held-out digits right as without any fault: at least 94 %",
        takes: "a few seconds",
        next: &[
            (
                "night-shift supervisor=off",
                "the same faults with nobody watching",
            ),
            (
                "night-shift faults.samples=0 faults.nan_at=0",
                "the same training without any fault",
            ),
            ("digits supervisor=on", "watch a run of your own"),
        ],
        settings: r#"
steps = "20 epochs"
batch = 32
lr = 0.05

[data.digits]

[model.mlp]
hidden = [64]

[optimizer.algorithm.sgd]
momentum = 0.9

[schedule]
warmup = 20
shape.cosine.end = 0.05

[checkpoint]
every = 50

[supervisor.on]

[faults]
samples = 4
nan_at = 400
"#,
    },
    Recipe {
        name: "playground",
        title: "separate two spirals in the plane",
        teaches: "what hidden layers are for: watch the border between the classes bend",
        expect: "at least 95 % of held-out points right on spirals (guessing gives 50 %)",
        takes: "a few seconds",
        next: &[
            ("playground data.shape=moons", "an easier border"),
            (
                "playground model.hidden=[4]",
                "too small a network: the border cannot bend enough",
            ),
            (
                "playground data.noise=0.2",
                "points that no border can separate",
            ),
        ],
        settings: r#"
steps = "120 epochs"
batch = 32
lr = 0.01

[data.playground]
shape = "spirals"

[model.mlp]
hidden = [64, 64, 32]

[schedule]
shape.cosine.end = 0.05

[evaluate]
every = "5 epochs"

[checkpoint]
every = "40 epochs"
"#,
    },
    Recipe {
        name: "fashion-mnist",
        title: "tell clothes apart in 60,000 photos",
        teaches: "a convolutional network on a data set of a size that people publish results on",
        expect: "about 90 % of the 10,000 test images right after two epochs",
        takes: "a few minutes, after `data get fashion-mnist`",
        next: &[
            ("fashion-mnist model=mlp", "the same without convolutions"),
            (
                "fashion-mnist optimizer.algorithm=muon lr=0.02",
                "another optimizer",
            ),
        ],
        settings: r#"
steps = "2 epochs"
batch = 64
lr = 0.001

[data.hub]
name = "fashion-mnist"

[model.cnn]
channels = [16, 32]
hidden = 64

[schedule]
warmup = 100
shape.cosine.end = 0.05

[evaluate]
every = 300
samples = 2000

[checkpoint]
every = 500
"#,
    },
    Recipe {
        name: "text",
        title: "write like a text, letter by letter",
        teaches: "language modelling with a transformer, at the settings that nanoGPT publishes for a CPU",
        expect: "on a megabyte of Shakespeare at most 1.90 nats a character on held-out text (guessing one of 65 gives 4.17)",
        takes: "a few minutes; name the file with data.path=FILE",
        next: &[
            (
                "text data.path=FILE steps=5000 model.width=192",
                "more of the same",
            ),
            (
                "text data.path=FILE model=rnn",
                "a recurrent network instead",
            ),
            ("addition", "sequences with exact answers"),
        ],
        settings: r#"
steps = 2000
batch = 12
lr = 0.002

[data.text]
context = 64

[model.gpt]
layers = 4
heads = 4
width = 128
dropout = 0.0

[optimizer]
clip_norm = 1.0

[optimizer.algorithm.adamw]
beta2 = 0.99
weight_decay = 0.1

[schedule]
warmup = 100
shape.cosine.end = 0.1

[evaluate]
every = 250
samples = 512
batch = 64

[checkpoint]
every = 500

[sample]
every = 250
"#,
    },
    Recipe {
        name: "addition",
        title: "add numbers, digit by digit",
        teaches: "exact answers: a transformer learns the carry, and one wrong digit counts as wrong",
        expect: "at least 95 % of unseen sums exactly right",
        takes: "about two minutes",
        next: &[
            (
                "addition data.task=sorting data.length=6",
                "put letters in order",
            ),
            (
                "addition data.task=parity data.length=12",
                "count ones: harder than it looks",
            ),
            ("addition model=rnn", "a recurrent network instead"),
        ],
        settings: r#"
steps = 3000
batch = 64
lr = 0.001

[data.sequence]
task = "addition"
length = 2
samples = 10000

[model.gpt]
layers = 2
heads = 4
width = 64
positions = "learned"

[optimizer]
clip_norm = 1.0

[schedule]
warmup = 100
shape.cosine.end = 0.1

[evaluate]
every = 250
samples = 500

[checkpoint]
every = 500

[sample]
every = 250
temperature = 0.0
"#,
    },
    Recipe {
        name: "forgetting",
        title: "learn a second task without losing the first",
        teaches: "catastrophic forgetting, and a curriculum: sums come first, then words to turn around; sums come back as often as it takes to keep them",
        expect: "every word turned right, and at least 90 % of the sums still right (with `curriculum=off` hardly one)",
        takes: "about two minutes",
        next: &[
            (
                "forgetting curriculum=off",
                "the same with nobody watching: sums are forgotten",
            ),
            (
                "forgetting curriculum=odm",
                "a bandit chooses, by the losses alone",
            ),
        ],
        settings: r#"
steps = 4000
batch = 64
lr = 0.001

[[data.mixture.domains]]
name = "sums"
weight = 1
data.sequence = { task = "addition", length = 2 }

[[data.mixture.domains]]
name = "turned words"
weight = 999
from = 2000
data.sequence = { task = "reversal", length = 5 }

[curriculum.replay]

[model.gpt]
layers = 2
heads = 4
width = 64
positions = "learned"

[optimizer]
clip_norm = 1.0

[schedule]
warmup = 100
shape.cosine.end = 0.1

[evaluate]
every = 100
samples = 500

[checkpoint]
every = 500

[sample]
every = 500
temperature = 0.0
"#,
    },
    Recipe {
        name: "names",
        title: "invent names, letter by letter",
        teaches: "what a small model picks up from a list: which letters follow which",
        expect: "new words that sound like the list",
        takes: "about a minute",
        next: &[
            ("names data.path=FILE", "your own list, one word a line"),
            ("names sample.temperature=1.2", "bolder inventions"),
        ],
        settings: r#"
steps = 2000
batch = 32
lr = 0.001

[data.words]

[model.gpt]
layers = 2
heads = 4
width = 64

[schedule]
warmup = 100
shape.cosine.end = 0.1

[evaluate]
every = 250

[checkpoint]
every = 500

[sample]
every = 250
tokens = 24
temperature = 0.9
"#,
    },
    Recipe {
        name: "table",
        title: "predict a column of a table",
        teaches: "tabular data: types are inferred, the target is a class or a number",
        expect: "on the built-in iris flowers 93 % right or better; or name a file with data=csv data.path=FILE",
        takes: "a second",
        next: &[
            (
                "table data=csv data.path=FILE data.target=COLUMN",
                "your own table",
            ),
            ("table data.name=breast_cancer", "569 tumours, 30 measures"),
            ("table data.name=diabetes", "a number instead of a class"),
        ],
        settings: r#"
steps = "60 epochs"
batch = 16
lr = 0.003

[data.table]
name = "iris"

[model.mlp]
hidden = [32, 32]

[schedule]
shape.cosine.end = 0.05

[evaluate]
every = "5 epochs"

[checkpoint]
every = "30 epochs"
"#,
    },
];

impl Recipe {
    /// The recipe called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        RECIPES.iter().find(|recipe| recipe.name == name)
    }
}
