//! A call is one run of an ONNX model in a page, with what went in and what came out, as the page posts it; the other side
//! is `templates/harness/calls.js`.
//!
//! Read here, with bounds on everything, for `check`, which computes the same with the reference.

use serde::Deserialize;

use crate::protocol::event::OnCpu;
use crate::reference::onnx::{ElementType, OnnxError, Tensor};

/// One run of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct OnnxCall {
    /// The ONNX file, by its name in the page.
    pub file: String,
    /// What went in, as far as the page could read it.
    pub feeds: Vec<Tensor>,
    /// What came out, likewise.
    pub fetches: Vec<Tensor>,
    /// Names of the feeds and fetches whose values it could not read: texts.
    pub unread: Vec<String>,
    /// Whether all feeds are there: without one nothing can be computed.
    pub complete: bool,
}

/// Why posted bytes are no calls.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// What comes before the tensors.
    #[error("the page posted calls that can't be read: {0}")]
    Header(String),
    /// A tensor.
    #[error("the page posted calls that can't be read: {0}")]
    Tensor(#[from] OnnxError),
}

/// What a page posts at once.
#[derive(Debug, Clone, PartialEq)]
pub struct PostedCalls {
    /// Who made them besides the job; `None` where it was the job.
    pub witness: Option<PostedWitness>,
    /// In the order in which they were made.
    pub calls: Vec<OnnxCall>,
    /// The tokens that the page chose, a list for each text; none of jobs that generate none.
    pub chosen: Vec<Vec<u64>>,
}

/// Another backend of the job's browser.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PostedWitness {
    /// As the page names it.
    pub backend: String,
    /// What the GPU's side of the two, job or witness, left to the CPU.
    pub on_cpu: Vec<OnCpu>,
}

#[derive(Deserialize)]
struct Header {
    witness: Option<PostedWitness>,
    calls: Vec<PostedCall>,
    #[serde(default)]
    chosen: Vec<Vec<u64>>,
}

#[derive(Deserialize)]
struct PostedCall {
    file: String,
    feeds: Vec<PostedTensor>,
    fetches: Vec<PostedTensor>,
}

#[derive(Deserialize)]
struct PostedTensor {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    shape: Vec<usize>,
    /// From the end of the header; `None` for values that the page could not read.
    offset: Option<usize>,
    bytes: usize,
}

/// Reads what a page posted.
pub fn read(posted: &[u8]) -> Result<PostedCalls, CallError> {
    let short = || CallError::Header("they are cut short".to_owned());
    let (length, rest) = posted.split_first_chunk::<4>().ok_or_else(short)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| short())?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
    let header: Header = serde_json::from_slice(header).map_err(|error| CallError::Header(error.to_string()))?;
    // Each lies in a place of its own; a page that names one again and again would be answered with all memory.
    let places = header.calls.iter().flat_map(|call| call.feeds.iter().chain(&call.fetches));
    let near = places.filter(|place| place.offset.is_some());
    let claimed = near.fold(0_usize, |sum, place| sum.saturating_add(place.bytes));
    if claimed > data.len() {
        let posted = data.len();
        let message = format!("its tensors have {claimed} bytes together, and {posted} were posted");
        return Err(CallError::Header(message));
    }
    let tensors = |places: Vec<PostedTensor>| {
        let near = places.into_iter().filter_map(|place| Some((place.offset?, place)));
        near.map(|(offset, place)| {
            let bytes = offset.checked_add(place.bytes).and_then(|end| data.get(offset..end)).ok_or_else(short)?;
            let kind = ElementType::from(place.kind.as_str());
            Ok(Tensor::new(place.name, kind, place.shape, bytes.to_vec())?)
        })
        .collect::<Result<Vec<_>, CallError>>()
    };
    let calls = header.calls.into_iter();
    let calls = calls
        .map(|call| {
            let complete = call.feeds.iter().all(|place| place.offset.is_some());
            let unread = call.feeds.iter().chain(&call.fetches).filter(|place| place.offset.is_none());
            let unread = unread.map(|place| place.name.clone()).collect();
            let (feeds, fetches) = (tensors(call.feeds)?, tensors(call.fetches)?);
            Ok(OnnxCall { file: call.file, feeds, fetches, unread, complete })
        })
        .collect::<Result<_, CallError>>()?;
    Ok(PostedCalls { witness: header.witness, calls, chosen: header.chosen })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posted(header: &str, data: &[u8]) -> Vec<u8> {
        [&u32::try_from(header.len()).unwrap().to_le_bytes()[..], header.as_bytes(), data].concat()
    }

    const CALL: &str = r#"{"witness":null,"calls":[{"file":"m.onnx","feeds":[{"name":"x","type":"float32","shape":[2],"offset":0,"bytes":8}],"fetches":[{"name":"y","type":"int64","shape":[1],"offset":8,"bytes":8},{"name":"z","type":"float32","shape":[1],"offset":null,"bytes":0}]}]}"#;

    #[test]
    fn a_call_is_read_with_what_lies_on_the_gpu_left_out() {
        let data = [1.0_f32.to_le_bytes(), 2.0_f32.to_le_bytes()].concat();
        let calls = read(&posted(CALL, &[data, 7_i64.to_le_bytes().to_vec()].concat())).unwrap().calls;
        assert_eq!(calls[0].feeds[0].values_f64(), [1.0, 2.0]);
        assert_eq!(calls[0].fetches.len(), 1);
        assert_eq!(calls[0].fetches[0].values_f64(), [7.0]);
        assert!(calls[0].complete);
        assert_eq!(calls[0].unread, ["z"]);
    }

    #[test]
    fn tensors_are_no_larger_together_than_what_was_posted() {
        let place = r#"{"name":"x","type":"float32","shape":[2],"offset":0,"bytes":8}"#;
        let header = format!(r#"{{"calls":[{{"file":"m.onnx","feeds":[{place}],"fetches":[{place}]}}]}}"#);
        let error = read(&posted(&header, &[0; 15])).unwrap_err().to_string();
        assert!(error.ends_with("its tensors have 16 bytes together, and 15 were posted"), "{error}");
        assert!(read(&posted(&header, &[0; 16])).is_ok());
    }

    #[test]
    fn what_lies_outside_or_does_not_fit_its_shape_is_refused() {
        for (header, data) in [
            (CALL.to_owned(), vec![0; 15]),
            (CALL.replace("\"offset\":8", "\"offset\":18446744073709551615"), vec![0; 16]),
            (CALL.replace("[2]", "[3]"), vec![0; 16]),
            (CALL.replace("[2]", "[4611686018427387904,4]"), vec![0; 16]),
            ("{}".to_owned(), vec![]),
        ] {
            assert!(read(&posted(&header, &data)).is_err(), "{header}");
        }
        assert!(read(&[1, 0, 0]).is_err());
        assert!(read(&[255, 255, 255, 255, 1]).is_err());
    }
}
