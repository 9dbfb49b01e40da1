//! How a run is told and asked things from outside.

use std::future::poll_fn;
use std::task::Poll;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use kitchen_types::question::QuestionError;
use kitchen_types::{Answer, Command, Question};

/// Tells a run what to do; can be cloned, and sent to other threads.
#[derive(Clone, Debug)]
pub struct CommandSender(mpsc::UnboundedSender<Command>);

impl CommandSender {
    /// Hands over a command, which has its effect between two steps. Says whether the run still
    /// listens.
    pub fn send(&self, command: Command) -> bool {
        self.0.unbounded_send(command).is_ok()
    }
}

/// Asks about the model of a run; can be cloned, and sent to other threads.
#[derive(Clone, Debug)]
pub struct QuestionSender(mpsc::UnboundedSender<Asked>);

impl QuestionSender {
    /// Looks into the model: between two steps, while the run is paused, or after its end as long
    /// as [`Run::afterwards`](crate::Run::afterwards) is polled. The run is none the wiser.
    ///
    /// # Errors
    /// What is wrong with the question, or that nobody is there to answer it.
    pub async fn ask(&self, question: Question) -> Result<Answer, QuestionError> {
        let (reply, answer) = oneshot::channel();
        let over = || QuestionError("the run is over; ask one of its checkpoints".into());
        self.0
            .unbounded_send(Asked { question, reply })
            .map_err(|_| over())?;
        answer.await.map_err(|_| over())?
    }
}

/// A question, and where its answer goes.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) question: Question,
    reply: oneshot::Sender<Result<Answer, QuestionError>>,
}

impl Asked {
    /// Answers. Whoever asked may have gone away meanwhile, which is theirs to know.
    pub(crate) fn reply(self, answer: Result<Answer, QuestionError>) {
        drop(self.reply.send(answer));
    }
}

/// What comes in.
#[derive(Debug)]
pub(crate) enum Heard {
    Command(Command),
    Question(Asked),
}

/// The run's end of the line.
#[derive(Debug)]
pub(crate) struct Line {
    commands: mpsc::UnboundedReceiver<Command>,
    questions: mpsc::UnboundedReceiver<Asked>,
}

impl Line {
    /// Both ends of a new line.
    pub(crate) fn open() -> (CommandSender, QuestionSender, Self) {
        let (tell, commands) = mpsc::unbounded();
        let (ask, questions) = mpsc::unbounded();
        let line = Self {
            commands,
            questions,
        };
        (CommandSender(tell), QuestionSender(ask), line)
    }

    /// The next command if one is waiting.
    pub(crate) fn command(&mut self) -> Option<Command> {
        self.commands.try_recv().ok()
    }

    /// The next question if one is waiting.
    pub(crate) fn question(&mut self) -> Option<Asked> {
        self.questions.try_recv().ok()
    }

    /// The next command or question, waited for, commands first; `None` once nobody can send
    /// commands any more.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        poll_fn(|cx| {
            if let Poll::Ready(command) = self.commands.poll_next_unpin(cx) {
                return Poll::Ready(command.map(Heard::Command));
            }
            match self.questions.poll_next_unpin(cx) {
                Poll::Ready(Some(asked)) => Poll::Ready(Some(Heard::Question(asked))),
                // Nobody can ask any more; commands may still come.
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// The next question, waited for; `None` once nobody can ask any more.
    pub(crate) async fn next_question(&mut self) -> Option<Asked> {
        self.questions.next().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use futures::FutureExt;
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn commands_come_before_questions_and_a_line_without_commanders_is_dead() {
        let (tell, ask, mut line) = Line::open();
        let answer = ask.ask(Question::Surface);
        let mut answer = Box::pin(answer);
        assert!((&mut answer).now_or_never().is_none());
        assert!(tell.send(Command::Pause));
        assert!(matches!(
            block_on(line.next()),
            Some(Heard::Command(Command::Pause))
        ));
        let Some(Heard::Question(asked)) = block_on(line.next()) else {
            panic!("the question is lost");
        };
        assert_eq!(asked.question, Question::Surface);
        asked.reply(Ok(Answer::Predicted(Vec::new())));
        assert_eq!(block_on(answer), Ok(Answer::Predicted(Vec::new())));

        drop(ask);
        assert!(line.next().now_or_never().is_none(), "commands may come");
        drop(tell);
        assert!(block_on(line.next()).is_none());
    }

    #[test]
    fn a_question_that_nobody_will_answer_is_an_error() {
        let (_tell, ask, line) = Line::open();
        let mut waiting = Box::pin(ask.ask(Question::Inspect));
        assert!((&mut waiting).now_or_never().is_none());
        drop(line);
        assert!(block_on(waiting).unwrap_err().0.contains("the run is over"));
        assert!(block_on(ask.ask(Question::Inspect)).is_err());
    }
}
