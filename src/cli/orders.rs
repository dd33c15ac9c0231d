//! What is ordered while a call stands: lines on standard input, which do what the path panel does.
//!
//! For scripts and for whoever has no window. A line that is no order is answered by a sentence, and nothing else comes of
//! it; neither does the end of the input.

use std::{
    io::{self, BufRead as _},
    str::FromStr,
};

use tokio::sync::mpsc;

use crate::{
    engine::thread::Thread,
    logic::evidence::{Hindrance, Trial},
};

/// Lines that were read and not yet carried out. When it is full nothing more is read, and whoever writes waits.
const LINES: usize = 16;

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Try something with the path.
    Trial(Trial),
    /// End the call.
    HangUp,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["restart"] => Ok(Self::Trial(Trial::Restart)),
            ["path", policy] => policy.parse().map(|policy| Self::Trial(Trial::Path(policy))),
            ["hinder", parts @ ..] => hindrance(parts).map(|what| Self::Trial(Trial::Hinder(what))),
            ["hang-up"] => Ok(Self::HangUp),
            _ => Err(format!("`{line}` is no order; there are restart, path PATH, hinder WHAT and hang-up")),
        }
    }
}

/// Nothing is no hindrance.
fn hindrance(parts: &[&str]) -> Result<Hindrance, String> {
    let wrong = |part: &str| {
        format!("`{part}` is no hindrance; there are loss=PERCENT, delay=MS and no-udp, and nothing for none")
    };
    let mut hindrance = Hindrance::default();
    for part in parts {
        match part.split_once('=') {
            Some(("loss", percent)) => hindrance.loss_percent = percent.parse().map_err(|_| wrong(part))?,
            Some(("delay", ms)) => hindrance.delay_ms = ms.parse().map_err(|_| wrong(part))?,
            None if *part == "no-udp" => hindrance.blocks_udp = true,
            Some(_) | None => return Err(wrong(part)),
        }
    }
    Ok(hindrance)
}

/// Where orders come from.
#[derive(Debug)]
pub(super) struct Orders {
    lines: mpsc::Receiver<String>,
}

impl Orders {
    /// Reads them from standard input.
    pub(super) fn of_standard_input() -> io::Result<Self> {
        let (lines, orders) = mpsc::channel(LINES);
        let read = move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                if lines.blocking_send(line).is_err() {
                    return;
                }
            }
        };
        // Reading may never end; the program does not wait for it.
        Thread::spawn("orders", read)?.leave();
        Ok(Self { lines: orders })
    }

    /// The next one, or what is wrong with it. Waits for ever where no more will come.
    pub(super) async fn next(&mut self) -> Result<Order, String> {
        while let Some(line) = self.lines.recv().await {
            if !line.trim().is_empty() {
                return line.trim().parse();
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logic::path::PathPolicy;

    #[test]
    fn what_the_panel_does_can_be_ordered_in_words() {
        let order = |line: &str| line.parse::<Order>();
        let hinder = |loss_percent, delay_ms, blocks_udp| {
            Ok(Order::Trial(Trial::Hinder(Hindrance { loss_percent, delay_ms, blocks_udp })))
        };
        assert_eq!(order("restart"), Ok(Order::Trial(Trial::Restart)));
        assert_eq!(order("path relay-tls"), Ok(Order::Trial(Trial::Path(PathPolicy::RelayTls))));
        assert_eq!(order("hinder  loss=30 delay=250 no-udp"), hinder(30, 250, true));
        assert_eq!(order("hinder"), hinder(0, 0, false));
        assert_eq!(order("hang-up"), Ok(Order::HangUp));
    }

    #[test]
    fn what_is_no_order_is_answered_by_what_there_is() {
        let wrong = |line: &str| line.parse::<Order>().unwrap_err();
        assert!(wrong("jump").contains("restart, path PATH"));
        assert!(wrong("path over-there").contains("relay-udp"));
        for line in
            ["hinder loss", "hinder loss=a-lot", "hinder delay=-1", "hinder loss=300", "hinder udp=off"]
        {
            assert!(wrong(line).contains("loss=PERCENT, delay=MS and no-udp"), "{line}");
        }
    }

    #[tokio::test]
    async fn empty_lines_are_passed_over() {
        let (lines, orders) = mpsc::channel(LINES);
        let mut orders = Orders { lines: orders };
        for line in ["", "  ", " restart "] {
            lines.send(line.to_owned()).await.unwrap();
        }
        assert_eq!(orders.next().await, Ok(Order::Trial(Trial::Restart)));
    }
}
