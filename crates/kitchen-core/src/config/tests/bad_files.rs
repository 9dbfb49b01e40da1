//! Files that somebody could write, and what they are told.

use expect_test::expect;

use super::{layers, outcome};

const FILES: &[(&str, &str)] = &[
    ("empty.toml", ""),
    ("empty.yaml", ""),
    ("empty.json", ""),
    ("notes.txt", "lr = 1"),
    ("noextension", "lr = 1"),
    ("unclosed.toml", "lr = 1\nbatch = [1,\n"),
    ("twice.toml", "lr = 1\nlr = 2\n"),
    ("words.toml", "this is not a config\n"),
    ("bare.toml", "device = cpu\n"),
    ("unknown.toml", "batch = 1\nlearning_rate = 3\n"),
    ("typo.toml", "[optimizer]\nclip = 1.0\n"),
    ("nested.toml", "[model.gpt]\nlayers = 2\nhaeds = 4\n"),
    ("type.toml", "batch = \"many\"\n"),
    ("negative.toml", "batch = -1\n"),
    ("nan.toml", "lr = nan\n"),
    ("date.toml", "seed = 2024-01-01\n"),
    ("huge.toml", "seed = 99999999999999999999\n"),
    ("table.toml", "[lr]\npeak = 1\n"),
    ("list.toml", "model = []\n"),
    ("scalar.toml", "optimizer = \"adam\"\n"),
    ("two.toml", "[model.gpt]\n[model.mlp]\n"),
    ("variant.toml", "[model.transformer]\nlayers = 2\n"),
    (
        "payload.toml",
        "loss = { mean_squared_error = { a = 1 } }\n",
    ),
    ("unit.toml", "schedule.shape.constant = true\n"),
    ("span.toml", "steps = \"ten epochs\"\n"),
    ("recipe.toml", "recipe = \"digits\"\n"),
    ("comma.json", "{\"lr\": 1,}\n"),
    ("comment.json", "{\n  // why\n  \"lr\": 1\n}\n"),
    ("single.json", "{'lr': 1}\n"),
    ("array.json", "[1, 2]\n"),
    ("null.json", "{\n\t\"lr\": null\n}\n"),
    (
        "deep-key.json",
        "{\n  \"model\": {\n    \"gpt\": {\n      \"heads\": 4,\n      \"widht\": 64\n    }\n  }\n}\n",
    ),
    ("tab.yaml", "model:\n\tgpt:\n"),
    ("twice.yaml", "lr: 1\nlr: 2\n"),
    ("indent.yaml", "model:\n  gpt:\n    heads: 4\n   width: 3\n"),
    (
        "unknown.yaml",
        "model:\n  gpt:\n    heads: 4\n    widht:\n      - 1\n",
    ),
    ("number.yaml", "lr: 1,5\n"),
    ("boolean.yaml", "model:\n  tied: yes please\n"),
    ("alias.yaml", "lr: *nothing\n"),
    ("documents.yaml", "lr: 1\n---\nlr: 2\n"),
    ("scalar.yaml", "just words\n"),
    ("heads.yaml", "model:\n  gpt:\n    heads: 5\n"),
];

#[test]
fn each_bad_file_is_told_what_where_and_what_to_do() {
    let mut said = String::new();
    for (name, text) in FILES {
        match layers().file(name, text).resolve() {
            Ok(_) => said.push_str(&format!("{name}: nothing is wrong\n")),
            problems => said.push_str(&outcome(problems)),
        }
    }
    expect![[r#"
        empty.toml: nothing is wrong
        empty.yaml: nothing is wrong
        empty.json:1: this is not JSON: EOF while parsing a value at line 1 column 0
        notes.txt: the kind of file is not known; its name must end in .toml, .json, .yaml or .yml
        noextension: the kind of file is not known; its name must end in .toml, .json, .yaml or .yml
        unclosed.toml:2: this is not TOML: unclosed array, expected `]`
        twice.toml:2: this is not TOML: duplicate key
        words.toml:1: this is not TOML: key with no value, expected `=`
        bare.toml:1: this is not TOML: string values must be quoted, expected literal string
        unknown.toml:2: there is no key `learning_rate` in the configuration; did you mean `lr`? its keys are `batch`, `checkpoint`, `cluster`, `curriculum`, `data`, `device`, `early_stopping`, `evaluate`, `faults`, `guard`, `loss`, `lr`, `model`, `optimizer`, `recipe`, `sample`, `schedule`, `seed`, `steps`, `supervisor`
        typo.toml:2: there is no key `clip` in `optimizer`; did you mean `clip_norm`? its keys are `accumulate`, `algorithm`, `clip_norm`
        nested.toml:3: there is no key `haeds` in `model.gpt`; did you mean `heads`? its keys are `bias`, `dropout`, `feed_forward`, `heads`, `kv_heads`, `layers`, `norm`, `positions`, `tied`, `width`
        type.toml:1: `batch` is the text "many", expected a whole number, 0 or more
        negative.toml:1: `batch` is `-1`, expected a whole number, 0 or more
        nan.toml:1: `lr` is `NaN`, expected a finite number
        date.toml:1: `seed` is `2024-01-01`, expected a whole number, 0 or more
        huge.toml:1: `seed` is `99999999999999999999`, expected a whole number, 0 or more
        table.toml:1: `lr` is a table, expected a finite number
        list.toml:1: `model` is a list, expected one of `mlp`, `cnn`, `gpt`, `rnn`
        scalar.toml:1: `optimizer` is the text "adam", expected a table with any of `accumulate`, `algorithm`, `clip_norm`; did you mean `optimizer.algorithm`?
        two.toml:2: `model` is one thing at a time, and this names `gpt`, `mlp`; keep one of them
        variant.toml:1: `model` cannot be `transformer`; it is one of `mlp`, `cnn`, `gpt`, `rnn`
        payload.toml:1: `loss.mean_squared_error` has no settings of its own; write `loss = "mean_squared_error"`
        unit.toml:1: `schedule.shape.constant` has no settings of its own; write `schedule.shape = "constant"`
        span.toml:1: `steps` is the text "ten epochs", expected a number of steps such as `2000`, or a text such as `"20 epochs"`
        recipe.toml:1: `recipe` is `digits`, and this run builds on `text`; the recipe is chosen first, as in `run digits`
        comma.json:1: this is not JSON: key must be a string at line 1 column 10
        comment.json:2: this is not JSON: key must be a string at line 2 column 3
        single.json:1: this is not JSON: key must be a string at line 1 column 2
        array.json:1: the configuration is a list, expected a table with any of `batch`, `checkpoint`, `cluster`, `curriculum`, `data`, `device`, `early_stopping`, `evaluate`, `faults`, `guard`, `loss`, `lr`, `model`, `optimizer`, `recipe`, `sample`, `schedule`, `seed`, `steps`, `supervisor`
        null.json:2: `lr` is nothing, expected a finite number
        deep-key.json:5: there is no key `widht` in `model.gpt`; did you mean `width`? its keys are `bias`, `dropout`, `feed_forward`, `heads`, `kv_heads`, `layers`, `norm`, `positions`, `tied`, `width`
        tab.yaml:2: this is not YAML that can be read: tabs disallowed within this context (block indentation) at line 2, column 2
        twice.yaml:2: this is not YAML that can be read: duplicate mapping key `lr` is not allowed here at line 2, column 1
        indent.yaml:4: this is not YAML that can be read: while parsing a block mapping, did not find expected key at line 4, column 4
        unknown.yaml:4: there is no key `widht` in `model.gpt`; did you mean `width`? its keys are `bias`, `dropout`, `feed_forward`, `heads`, `kv_heads`, `layers`, `norm`, `positions`, `tied`, `width`
        number.yaml:1: `lr` is the text "1,5", expected a finite number
        boolean.yaml:2: `model.gpt.tied` is the text "yes please", expected `true` or `false`
        alias.yaml:1: this is not YAML that can be read: reference to unknown value at line 1, column 5
        documents.yaml:3: this is not YAML that can be read: only single YAML document expected but multiple found at line 3, column 1
        scalar.yaml:1: the configuration is the text "just words", expected a table with any of `batch`, `checkpoint`, `cluster`, `curriculum`, `data`, `device`, `early_stopping`, `evaluate`, `faults`, `guard`, `loss`, `lr`, `model`, `optimizer`, `recipe`, `sample`, `schedule`, `seed`, `steps`, `supervisor`
        heads.yaml:3: `model.gpt.heads` is 5, which does not divide `model.gpt.width`, 128
    "#]].assert_eq(&said);
}

#[test]
fn files_that_would_exhaust_the_reader_are_refused() {
    let deep = |name: &str, text: String| {
        let said = outcome(layers().file(name, &text).resolve());
        said.trim_end().to_owned()
    };
    let brackets = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    // Each level names the one before nine times: a billion words, if anyone wrote them out.
    let laughs = (1..10).fold("a0: &a0 [ha]\n".to_owned(), |text, level| {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        format!("{text}a{level}: &a{level} [{below}]\n")
    });
    let said = [
        deep("long.toml", "#".repeat((1 << 20) + 1)),
        deep("deep.toml", format!("x = {brackets}")),
        deep("deep.json", brackets.clone()),
        deep("deep.yaml", brackets),
        deep(
            "dotted.toml",
            format!("{} = 1", vec!["a"; 100_000].join(".")),
        ),
        deep("laughs.yaml", laughs),
    ];
    expect![[r#"
        long.toml: the file has 1048577 bytes, and settings have at most 1 MiB; name another file
        deep.toml:1: this is not TOML: cannot recurse further; max recursion depth met
        deep.json:1: this is not JSON that can be read: recursion limit exceeded at line 1, column 256
        deep.yaml:1: this is not YAML that can be read: recursion limit exceeded at line 1, column 256
        dotted.toml: this is not TOML: recursion limit
        laughs.yaml:6: this is not YAML that can be read: YAML document too large or too complex: limits breached: Nodes { nodes: 20001 } at line 1, column 9 (defined at line 5, column 9) (used at line 6, column 10)"#]].assert_eq(&said.join("\n"));
}

#[test]
fn tabs_and_surrogates_of_json_are_read() {
    let text = "{\n\t\"sample\": {\n\t\t\"prompt\": \"\\ud83d\\ude00 \\/\"\n\t}\n}";
    let resolved = layers().file("a.json", text).resolve().unwrap();
    assert_eq!(resolved.config.sample.prompt, "\u{1f600} /");
}

#[test]
fn anchors_of_yaml_are_read() {
    let text = "evaluate: {every: &often 10}\ncheckpoint:\n  every: *often\n";
    let resolved = layers().file("a.yaml", text).resolve().unwrap();
    assert_eq!(
        resolved.config.checkpoint.every,
        resolved.config.evaluate.every
    );
}
