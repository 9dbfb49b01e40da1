//! Questions to the model, and where their answers belong.

use kitchen_types::config::SampleConfig;
use kitchen_types::question::Question;

/// Why something was asked.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Purpose {
    /// To show points of the plane.
    Points,
    /// To read what is on the pad.
    Pad,
    /// To show examples.
    Examples,
    /// To look inside.
    Inside,
    /// To write, a few tokens at a time; the question goes on from what was written.
    Write(Box<Question>),
}

/// Tokens written at a time, so that a text grows before one's eyes.
const AT_A_TIME: usize = 4;
/// Tokens written in all.
const IN_ALL: usize = 240;

/// Asks for a few more tokens after `prompt` and what was `written`.
pub(super) fn write(prompt: String, written: Vec<u32>, temperature: f64) -> Question {
    Question::Write {
        prompt,
        written,
        sample: SampleConfig {
            tokens: AT_A_TIME,
            temperature,
            ..SampleConfig::default()
        },
        seed: kitchen_platform::random_seed(),
    }
}

/// The question after `question`, of which `new` tokens came; `None` where the text is long enough.
pub(super) fn go_on(question: &Question, new: &[u32]) -> Option<Question> {
    let mut next = question.clone();
    let Question::Write { written, .. } = &mut next else {
        return None;
    };
    written.extend(new);
    (!new.is_empty() && written.len() < IN_ALL).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_grows_until_it_is_long_enough() {
        let mut question = write("a".into(), Vec::new(), 1.0);
        let mut asked = 1;
        while let Some(next) = go_on(&question, &[7; AT_A_TIME]) {
            question = next;
            asked += 1;
        }
        assert_eq!(asked, IN_ALL / AT_A_TIME);
        assert_eq!(go_on(&question, &[]), None);
    }
}
