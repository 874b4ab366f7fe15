//! What a client makes of the server's answers.

use super::find;

/// The status codes of all answers in `output`, without 100. `heads` says which were asked for by HEAD;
/// there must be as many.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn answers(mut output: &[u8], heads: &[bool]) -> Result<Vec<u16>, String> {
    let mut statuses = Vec::new();
    while !output.is_empty() {
        let (status, length, begin) = head(output)?;
        output = &output[begin..];
        if status == 100 {
            continue;
        }
        let Some(is_head) = heads.get(statuses.len()) else {
            return Err(format!("a {status} that nobody asked for"));
        };
        let body = if *is_head { 0 } else { length };
        output = output.get(body..).ok_or(format!("a {status} that is cut off"))?;
        statuses.push(status);
    }
    if statuses.len() == heads.len() {
        Ok(statuses)
    } else {
        Err(format!("{} answers to {} requests", statuses.len(), heads.len()))
    }
}

/// Status, length of the body and of the head.
fn head(output: &[u8]) -> Result<(u16, usize, usize), String> {
    let mut fields = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut fields);
    let begin = match response.parse(output) {
        Ok(httparse::Status::Complete(begin)) => begin,
        other => return Err(format!("an answer that is none: {other:?}")),
    };
    if find(&output[..begin], b"\r\n\r\n") != Some(begin - 4) {
        return Err("an answer with lines that do not end in CRLF".into());
    }
    let status = response.code.unwrap_or(0);
    let lengths: Vec<&[u8]> = response
        .headers
        .iter()
        .filter(|field| field.name.eq_ignore_ascii_case("content-length"))
        .map(|field| field.value)
        .collect();
    let length = match (status, &lengths[..]) {
        (100, []) => Some(0),
        (_, [length]) => String::from_utf8_lossy(length).parse().ok(),
        _ => None,
    };
    let length = length.ok_or(format!("a {status} with the lengths {lengths:?}"))?;
    Ok((status, length, begin))
}
