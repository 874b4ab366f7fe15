//! What must hold of any input whatever.

use evenkeel::Limits;
use evenkeel::Version;
use evenkeel::internals::{Awaited, Conversation, Heard, Terms, converse_on};

use super::{Bounds, End, Message, Reading, answers, find, read};

/// What could complete a message that was broken off.
const CONTINUATIONS: [&[u8]; 8] = [
    b"\r\n\r\n",
    b"\n\r\n",
    b"\r\nHost: a\r\n\r\n",
    b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"1\r\n\r\n",
    b"\r\n0\r\n\r\n",
    b"0\r\n\r\n",
    b"\nx\r\n0\r\n\r\n",
];

/// Feeds the input to the server whole, by single octets and in portions, and has the second reader read
/// it. What came of it, if all agree.
///
/// # Errors
/// What they differ in.
pub(crate) fn agree(input: &[u8], limits: Limits) -> Result<Conversation, String> {
    let terms = Terms { limits, proxied: false };
    disagreement(input, &terms).map_err(|why| format!("{}\n{why}", input.escape_ascii()))
}

fn disagreement(input: &[u8], terms: &Terms) -> Result<Conversation, String> {
    let whole = converse_on(terms, &[input]);
    let octets = converse_on(terms, &input.chunks(1).collect::<Vec<_>>());
    let portions = converse_on(terms, &portions(input));
    for (how, said) in [("octet by octet", &octets), ("in portions", &portions)] {
        if meaning(said) != meaning(&whole) {
            return Err(format!("{how}: {said:?}\nwhole: {whole:?}"));
        }
    }
    let bounds = bounds(&terms.limits);
    let reading = read(input, &bounds);
    same_messages(&octets, &reading)?;
    same_end(input, &whole, &reading, &bounds)?;
    answered(input, &whole, &reading)?;
    Ok(whole)
}

fn bounds(limits: &Limits) -> Bounds {
    let (head_bytes, body_bytes) = (limits.head_bytes_max, limits.body_bytes_max);
    Bounds { head_bytes, body_bytes, ..Bounds::default() }
}

/// Cut at places that depend on the input and on nothing else.
fn portions(input: &[u8]) -> Vec<&[u8]> {
    let mut state = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |state, octet| {
        (state ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3)
    });
    let (mut rest, mut portions) = (input, Vec::new());
    while !rest.is_empty() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let length = 1 + (state >> 33) % 40;
        let length = usize::try_from(length).unwrap_or(1).min(rest.len());
        let (portion, after) = rest.split_at(length);
        portions.push(portion);
        rest = after;
    }
    portions
}

/// All but what may depend on the portions: whether the client is told to go on.
fn meaning(said: &Conversation) -> Conversation {
    const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
    let mut said = Conversation { ends: Vec::new(), ..said.clone() };
    while let Some(at) = find(&said.output, CONTINUE) {
        said.output.drain(at..at + CONTINUE.len());
    }
    said
}

fn same_messages(octets: &Conversation, reading: &Reading) -> Result<(), String> {
    let same = |(heard, message): (&Heard, &Message)| {
        let minor = u8::from(heard.version == Version::Http11);
        (&heard.method, &heard.target, minor, &heard.headers, &heard.body)
            == (&message.method, &message.target, message.minor, &message.fields, &message.body)
    };
    let ends: Vec<usize> = reading.messages.iter().map(|message| message.end).collect();
    let alike = octets.requests.iter().zip(&reading.messages).all(same);
    if octets.ends == ends && alike {
        Ok(())
    } else {
        Err(format!("{octets:?}\nthe second reader: {reading:?}"))
    }
}

fn same_end(
    input: &[u8],
    said: &Conversation,
    reading: &Reading,
    bounds: &Bounds,
) -> Result<(), String> {
    let alike = match (reading.end, said.refusal, said.awaits) {
        (End::Silence, None, Awaited::Request)
        | (End::Incomplete, None, Awaited::Head | Awaited::Body) => !said.closed,
        (End::Closed, None, Awaited::Nothing) | (End::Refused(_), Some(_), Awaited::Nothing) => {
            said.closed
        }
        // Refused early, and rightly.
        (End::Incomplete, Some(_), Awaited::Nothing) => {
            let completes = |continuation: &&[u8]| {
                let longer = read(&[input, continuation].concat(), bounds);
                longer.messages.len() > reading.messages.len()
            };
            said.closed && !CONTINUATIONS.iter().any(completes)
        }
        _ => false,
    };
    if alike { Ok(()) } else { Err(format!("{said:?}\nthe second reader: {:?}", reading.end)) }
}

fn answered(input: &[u8], said: &Conversation, reading: &Reading) -> Result<(), String> {
    let mut heads: Vec<bool> = said.requests.iter().map(|heard| heard.method == "HEAD").collect();
    let mut expected = vec![200; heads.len()];
    if let Some(status) = said.refusal {
        let rest = &input[reading.messages.last().map_or(0, |message| message.end)..];
        heads.push(rest.strip_prefix(b"\r\n").unwrap_or(rest).starts_with(b"HEAD "));
        expected.push(status);
    }
    let found = answers(&said.output, &heads)?;
    if found == expected { Ok(()) } else { Err(format!("{found:?} and not {expected:?}")) }
}
