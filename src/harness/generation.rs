//! The check of a generated text, by forced decoding: the reference is given the very tokens that the page chose, call by call,
//! and its own cache, that of its call before. What a page computes wrongly, or feeds back wrongly, shows in the logits of that
//! token or of a later one; and each token must be the likeliest by the logits that were verified.
//!
//! The tolerance is that of the model's dtype, at every depth. A position reads the cache of the layer below only, so the longest
//! way to a logit has as many operators as a single pass over the whole text, of which `Tolerance::of` speaks: a longer text makes
//! it no longer. And what a layer takes from the cache is a mean weighed by the attention, whose error is no larger than the
//! largest of its parts. The logits of tiny GPT-2 in fp32 were within 7e-7 of the largest one at depths of 16, 64 and 256, in
//! Chromium and Firefox, on wasm and on webgpu; `tests/it/generation.rs` holds them to 1e-5.
//!
//! Of each call only the logits of the last position come from the page: they are what a token is chosen by, and they depend on
//! all positions through the cache. Used by `onnx_check` and `references`.

use std::fmt;

use super::calls::OnnxCall;
use crate::protocol::job::GenerationSpec;
use crate::reference::Failure;
use crate::reference::onnx::{Computed, OnnxError, Prepared, Tensor};

/// The output by which tokens are chosen, and the input that takes them.
const LOGITS: &str = "logits";
const TOKENS: &str = "input_ids";

/// A call as a reader counts them: by the token that it gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'call> {
    /// From 0.
    pub(super) number: usize,
    /// All of them.
    pub(super) of: usize,
    /// The ONNX file.
    pub(super) file: &'call str,
}

impl fmt::Display for Token<'_> {
    /// `token 17 of 64 (onnx/model.onnx)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "token {} of {} ({})", self.number + 1, self.of, self.file)
    }
}

/// Computes the calls of a text: the logits of each call's last position.
pub(super) fn decode(model: &mut Prepared, calls: &[OnnxCall]) -> Result<Vec<Computed>, OnnxError> {
    let inputs: Vec<String> = model.inputs().map(str::to_owned).collect();
    let mut cache: Vec<Tensor> = Vec::new();
    let mut steps = Vec::with_capacity(calls.len());
    for (number, call) in calls.iter().enumerate() {
        let known = |name: &str| cache.iter().any(|tensor| tensor.name() == name);
        let given = call.feeds.iter().filter(|feed| !known(feed.name()));
        let mut feeds: Vec<Tensor> = given.cloned().collect();
        if let Some(full) =
            feeds.iter().find(|feed| is_cache(feed.name()) && feed.bytes().iter().any(|byte| *byte != 0))
        {
            let message = "the page began with a cache that is not empty".to_owned();
            return Err(OnnxError::BadFeed { input: full.name().to_owned(), message });
        }
        feeds.append(&mut cache);
        let Computed { outputs, flops } = model.run(&feeds)?;
        let last = number + 1 == calls.len();
        let mut logits = Vec::new();
        for output in outputs {
            if output.name() == LOGITS {
                logits.push(of_last_position(&output)?);
            } else if let Some(name) = fed_back(output.name())
                && !last
                && inputs.contains(&name)
            {
                cache.push(output.renamed(name));
            }
        }
        steps.push(Computed { outputs: logits, flops });
    }
    Ok(steps)
}

fn is_cache(input: &str) -> bool {
    input.starts_with("past")
}

/// The input to which an output is given in the next call, as transformers.js names them: `present.0.key` goes to
/// `past_key_values.0.key`, `present_conv.0` to `past_conv.0`.
fn fed_back(output: &str) -> Option<String> {
    let rest = output.strip_prefix("present")?;
    Some(if rest.starts_with('_') { format!("past{rest}") } else { format!("past_key_values{rest}") })
}

/// `[texts, positions, words]` as `[texts, 1, words]`; other shapes stay as they are.
fn of_last_position(tensor: &Tensor) -> Result<Tensor, OnnxError> {
    let &[texts, positions, words] = tensor.shape() else { return Ok(tensor.clone()) };
    let row = words * tensor.kind().size().unwrap_or(0);
    if positions < 2 || row == 0 {
        return Ok(tensor.clone());
    }
    let rows = tensor.bytes().chunks_exact(row);
    let last = rows.skip(positions - 1).step_by(positions).flatten().copied().collect();
    Tensor::new(tensor.name(), tensor.kind().clone(), vec![texts, 1, words], last)
}

/// What is wrong with the tokens that a page chose, a list for each text: each must be the likeliest where the job asks for
/// that, and be given to the next call. The error is of a page that did not do what it was asked for.
pub(super) fn choice(
    asked: GenerationSpec,
    calls: &[OnnxCall],
    chosen: &[Vec<u64>],
) -> Result<Option<Failure>, String> {
    let GenerationSpec { prompt_tokens, new_tokens } = asked;
    let prompt = calls.first().and_then(|call| tensor(&call.feeds, TOKENS)).and_then(|tokens| tokens.shape().last());
    if let (Some(asked), Some(found)) = (prompt_tokens, prompt)
        && *found != asked as usize
    {
        return Err(format!("the page made a prompt of {found} tokens, and was asked for one of {asked}"));
    }
    if let Some(asked) = new_tokens.filter(|asked| *asked as usize != calls.len()) {
        return Err(format!("the page made {} tokens, and was asked for {asked}", calls.len()));
    }
    if let Some(text) = chosen.iter().find(|text| text.len() != calls.len()) {
        return Err(format!("the page says that it chose {} tokens in {} calls", text.len(), calls.len()));
    }
    let likeliest = prompt_tokens.is_some() || new_tokens.is_some();
    for (number, call) in calls.iter().enumerate() {
        let Some(logits) = tensor(&call.fetches, LOGITS) else { continue };
        let (texts, words) =
            (logits.shape().first().copied().unwrap_or(0), logits.shape().last().copied().unwrap_or(0));
        if texts != chosen.len() {
            return Err(format!("the page computed {texts} texts, and says what it chose in {}", chosen.len()));
        }
        let values = logits.values_f64();
        let next = calls.get(number + 1).and_then(|call| tensor(&call.feeds, TOKENS)).map(Tensor::values_f64);
        for (text, tokens) in chosen.iter().enumerate() {
            let token = tokens[number];
            let stage = Token { number, of: calls.len(), file: &call.file }.to_string();
            let place = usize::try_from(token).ok().filter(|place| *place < words);
            let likelihoods = values.get(text * words..).unwrap_or_default().iter().take(words);
            let (best, most) = likelihoods
                .copied()
                .enumerate()
                .fold((0, f64::NEG_INFINITY), |best, (at, value)| if value > best.1 { (at, value) } else { best });
            let got = place.and_then(|place| values.get(text * words + place)).copied().unwrap_or(f64::NAN);
            let failure = |reason: String, tensor: &str| Failure {
                stage: stage.clone(),
                tensor: tensor.to_owned(),
                reason,
                index: vec![text, 0, place.unwrap_or(0)],
                got,
                expected: most,
                tolerance: 0.0,
                wrong: 1,
                of: words,
                compared: true,
            };
            if place.is_none() || (likeliest && (got < most || got.is_nan())) {
                let reason = format!("is largest at {best}, and the page went on with token {token}");
                return Ok(Some(failure(reason, LOGITS)));
            }
            // Of a model without a cache the whole text is given again.
            let fed =
                next.as_ref().and_then(|fed| fed.chunks(fed.len().div_ceil(texts).max(1)).nth(text)?.last().copied());
            if fed.is_some_and(|fed| fed.total_cmp(&(token as f64)).is_ne()) {
                let reason =
                    format!("of the next call holds {}, where token {token} was chosen", fed.unwrap_or_default());
                return Ok(Some(failure(reason, TOKENS)));
            }
        }
    }
    Ok(None)
}

fn tensor<'a>(all: &'a [Tensor], name: &str) -> Option<&'a Tensor> {
    all.iter().find(|tensor| tensor.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(fed: &[i64], logits: &[f32]) -> OnnxCall {
        OnnxCall {
            file: "m.onnx".to_owned(),
            feeds: vec![Tensor::from_i64(TOKENS, vec![1, fed.len()], fed).unwrap()],
            fetches: vec![Tensor::from_f32(LOGITS, vec![1, 1, logits.len()], logits).unwrap()],
            unread: Vec::new(),
            complete: true,
        }
    }

    const ASKED: GenerationSpec = GenerationSpec { prompt_tokens: Some(2), new_tokens: Some(2) };

    fn found(asked: GenerationSpec, fed: i64, chosen: &[u64]) -> Result<Option<String>, String> {
        let calls = [call(&[7, 8], &[0.0, 3.0, 1.0]), call(&[fed], &[f32::NAN, -1.0, -0.5])];
        choice(asked, &calls, &[chosen.to_vec()]).map(|failure| failure.map(|failure| failure.to_string()))
    }

    #[test]
    fn each_token_is_the_likeliest_and_goes_into_the_next_call() {
        assert_eq!(found(ASKED, 1, &[1, 2]), Ok(None));
        let said = |found: Result<Option<String>, String>| found.unwrap().unwrap();
        let other = said(found(ASKED, 1, &[1, 1]));
        assert!(
            other.starts_with(
                "stage `token 2 of 2 (m.onnx)`: `logits` is largest at 2, and the page went on with token 1"
            ),
            "{other}"
        );
        let fed = said(found(ASKED, 2, &[1, 2]));
        assert!(fed.starts_with("stage `token 1 of 2 (m.onnx)`: `input_ids` of the next call holds 2"), "{fed}");
        let beyond = said(found(ASKED, 1, &[1, 3]));
        assert!(beyond.contains("went on with token 3"), "{beyond}");
        // Sampling may choose any token, but not feed another.
        let sampled = GenerationSpec { prompt_tokens: None, new_tokens: None };
        assert_eq!(found(sampled, 0, &[0, 0]), Ok(None));
        assert!(found(sampled, 1, &[0, 0]).unwrap().is_some());
    }

    #[test]
    fn what_was_not_asked_for_is_no_result() {
        for (asked, chosen, says) in [
            (
                GenerationSpec { prompt_tokens: Some(3), ..ASKED },
                &[1, 2][..],
                "a prompt of 2 tokens, and was asked for one of 3",
            ),
            (GenerationSpec { new_tokens: Some(1), ..ASKED }, &[1, 2], "made 2 tokens, and was asked for 1"),
            (ASKED, &[1], "says that it chose 1 tokens in 2 calls"),
        ] {
            let error = found(asked, 1, chosen).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let calls = [call(&[7, 8], &[0.0, 3.0])];
        let asked = GenerationSpec { new_tokens: None, ..ASKED };
        assert!(choice(asked, &calls, &[]).unwrap_err().contains("computed 1 texts, and says what it chose in 0"));
    }

    #[test]
    fn the_last_position_of_each_text_counts() {
        let all: Vec<f32> = (0..12_u8).map(f32::from).collect();
        let last = of_last_position(&Tensor::from_f32(LOGITS, vec![2, 3, 2], &all).unwrap()).unwrap();
        assert_eq!((last.shape(), last.values_f64()), (&[2, 1, 2][..], vec![4.0, 5.0, 10.0, 11.0]));
    }

    #[test]
    fn a_cache_goes_where_the_library_puts_it() {
        for (output, input) in [
            ("present.0.key", Some("past_key_values.0.key")),
            ("present_conv.3", Some("past_conv.3")),
            ("logits", None),
        ] {
            assert_eq!(fed_back(output).as_deref(), input);
        }
    }
}
