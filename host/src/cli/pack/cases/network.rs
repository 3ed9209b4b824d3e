//! The network of a case: the answers that are written in it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use petrel_pack_runtime::{Answered, AskedFor, StandIn};
use petrel_packs::definition::Exchange;
use reqwest::Url;

/// Answers the requests of the case that runs.
#[derive(Debug, Default)]
pub(super) struct Network(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// What the case says, and whether it has been asked for.
    exchanges: Vec<(Exchange, bool)>,
    /// The requests that it says nothing of.
    strays: Vec<String>,
}

impl Network {
    /// Answers as these say from now on.
    pub(super) fn begin(&self, exchanges: &[Exchange]) {
        let exchanges = exchanges.iter().map(|exchange| (in_normal_form(exchange), false)).collect();
        *self.state() = State { exchanges, strays: Vec::new() };
    }

    /// What was asked for without an answer, and what has not been asked for.
    pub(super) fn differences(&self) -> Vec<String> {
        let state = self.state();
        let strays = state
            .strays
            .iter()
            .map(|asked| format!("it asks for {asked}, and no answer is written for that"));
        let unused = state.exchanges.iter().filter(|(_, is_used)| !is_used);
        let unused =
            unused.map(|(exchange, _)| format!("it does not ask for {} {}", exchange.method, exchange.url));
        strays.chain(unused).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StandIn for Network {
    fn answer(&self, asked: &AskedFor<'_>) -> Result<Answered, String> {
        let mut state = self.state();
        let fits = |exchange: &Exchange| exchange.method == asked.method && exchange.url == asked.url;
        // One after the other, and the last one again and again.
        let next = state.exchanges.iter().position(|(exchange, is_used)| !is_used && fits(exchange));
        let next = next.or_else(|| state.exchanges.iter().rposition(|(exchange, _)| fits(exchange)));
        let found = match next {
            Some(index) => state.exchanges.get_mut(index),
            None => None,
        };
        let Some((exchange, is_used)) = found else {
            let request = format!("{} {}", asked.method, asked.url);
            state.strays.push(request.clone());
            return Err(format!("the test has no answer for {request}"));
        };
        *is_used = true;
        Ok(Answered {
            status: exchange.status,
            headers: exchange.headers.clone(),
            body: exchange.body.clone().into_bytes(),
        })
    }
}

/// The address as the host makes it of what a component asks for.
fn in_normal_form(exchange: &Exchange) -> Exchange {
    let url = Url::parse(&exchange.url).map_or_else(|_| exchange.url.clone(), |url| url.to_string());
    Exchange { url, ..exchange.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(url: &str, body: &str) -> Exchange {
        let (method, body) = ("GET".to_owned(), body.to_owned());
        Exchange { method, url: url.to_owned(), status: 200, headers: Vec::new(), body }
    }

    #[test]
    fn answers_come_in_order_and_what_is_not_as_written_is_told() {
        let network = Network::default();
        let all = [
            exchange("https://example.com", "one"),
            exchange("https://example.com/", "two"),
            exchange("https://b/", ""),
        ];
        network.begin(&all);
        let ask = |url| network.answer(&AskedFor { method: "GET", url, body: b"" });
        let bodies: Vec<_> = (0..3).map(|_| ask("https://example.com/").unwrap().body).collect();
        assert_eq!(bodies, [b"one", b"two", b"two"]);
        assert!(ask("https://example.com/other").unwrap_err().contains("no answer"));
        let told = network.differences();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("asks for GET https://example.com/other"), "{told:?}");
        assert!(told[1].contains("does not ask for GET https://b/"), "{told:?}");
        network.begin(&[]);
        assert!(network.differences().is_empty());
    }
}
