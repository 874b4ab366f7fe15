//! Where a peer's octets are cut says nothing: any portions are the same conversation.

use evenkeel::internals::{Conversation, converse};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::near_valid::pipelines;

const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

/// All but what may depend on the cuts: the invitation to go on, and when each request was heard.
fn meaning(said: Conversation) -> Conversation {
    let output = String::from_utf8_lossy(&said.output).replace(CONTINUE, "").into_bytes();
    Conversation { output, ends: Vec::new(), ..said }
}

fn cut<'a>(input: &'a [u8], places: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(input.len() + 1)).collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([input.len()]);
    let begins = [0].into_iter().chain(places.iter().copied());
    begins.zip(ends).map(|(begin, end)| &input[begin..end]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_portions_are_the_same_conversation(
        input in pipelines(),
        places in vec(any::<Index>(), 0..12),
    ) {
        let whole = meaning(converse(&[&input]));
        let cut = cut(&input, &places);
        prop_assert_eq!(meaning(converse(&cut)), whole, "cut at {:?}", places);
    }

    #[test]
    fn single_octets_are_the_same_conversation(input in pipelines()) {
        let octets: Vec<&[u8]> = input.chunks(1).collect();
        prop_assert_eq!(meaning(converse(&octets)), meaning(converse(&[&input])));
    }
}

#[test]
fn a_client_is_told_to_go_on_where_its_head_ends_a_portion_and_only_there() {
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
    let counted = format!("{get}{post}Content-Length: 2\r\n\r\n");
    let chunked = format!("{post}Transfer-Encoding: chunked\r\n\r\n");
    for (heads, body) in [(counted, "ok"), (chunked, "2\r\nok\r\n0\r\n\r\n")] {
        let input = format!("{heads}{body}{get}");
        let whole = meaning(converse(&[input.as_bytes()]));
        for at in 0..=input.len() {
            let (first, second) = input.as_bytes().split_at(at);
            let said = converse(&[first, second]);
            let told = String::from_utf8_lossy(&said.output).matches(CONTINUE).count();
            assert_eq!(told, usize::from(at == heads.len()), "cut at {at}");
            assert_eq!(meaning(said), whole, "cut at {at}");
        }
    }
}
