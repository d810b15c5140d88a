//! How a text is generated: what the axes ask for, as the library is told it, and whether the model can.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::manifest::model::Pipeline;
use crate::plan::Job;
use crate::protocol::job::GenerationSpec;
use crate::user_file;

/// What a model's config.json calls the most tokens that it can hold; the first of these that is there.
const POSITIONS: [&str; 4] = ["max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"];
/// Tokens that transformers.js makes where nothing says how many.
const USUAL_NEW_TOKENS: u64 = 256;

/// A model that has fewer positions than tokens were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the model {model} holds {most} tokens (`{key}` in its config.json), and {prompt} of the prompt and {new} new ones are {}: lower \
     `prompt_tokens` or `new_tokens`",
    prompt + new
)]
pub struct TooLong {
    model: String,
    key: &'static str,
    most: u64,
    prompt: u64,
    new: u64,
}

/// How a job generates a text; `None` where its task does not.
#[must_use]
pub(super) fn of(pipeline: &Pipeline, job: &Job) -> Option<GenerationSpec> {
    let (prompt_tokens, new_tokens) = (job.axes.prompt_tokens, job.axes.new_tokens);
    pipeline.task.generates().then_some(GenerationSpec { prompt_tokens, new_tokens })
}

/// The options of a call. An axis turns sampling off, and all that would choose another token than the likeliest: what a model's own
/// `generation_config.json` says of these. `new_tokens` turns off the end of the text as well, so that exactly so many are made,
/// whatever they are; to forbid the token that ends it would choose others than the model does.
#[must_use]
pub(super) fn options(pipeline: &Pipeline, generation: Option<GenerationSpec>) -> Map<String, Value> {
    let mut options = pipeline.options.clone();
    let Some(GenerationSpec { prompt_tokens, new_tokens }) = generation else { return options };
    if prompt_tokens.is_none() && new_tokens.is_none() {
        return options;
    }
    let likeliest = [
        ("do_sample", json!(false)),
        ("repetition_penalty", json!(1.0)),
        ("no_repeat_ngram_size", json!(0)),
        ("bad_words_ids", Value::Null),
        ("min_length", json!(0)),
        ("min_new_tokens", Value::Null),
        ("forced_bos_token_id", Value::Null),
        ("forced_eos_token_id", Value::Null),
        ("suppress_tokens", Value::Null),
        ("begin_suppress_tokens", Value::Null),
        ("guidance_scale", Value::Null),
    ];
    options.extend(likeliest.map(|(key, value)| (key.to_owned(), value)));
    if let Some(new) = new_tokens {
        options.insert("max_new_tokens".to_owned(), json!(new));
        options.insert("eos_token_id".to_owned(), Value::Null);
    }
    options
}

/// Whether a model holds the tokens that a job asks for, as far as its config.json tells.
pub(super) fn fits(
    model: &str,
    pipeline: &Pipeline,
    generation: Option<GenerationSpec>,
    config: &Path,
) -> Result<(), TooLong> {
    let Some(GenerationSpec { prompt_tokens, new_tokens }) = generation else { return Ok(()) };
    // A prompt of the user's own has as many tokens as the page finds in it.
    let (prompt, asked) = (prompt_tokens.map_or(1, u64::from), new_tokens.map(u64::from));
    if prompt_tokens.is_none() && asked.is_none() {
        return Ok(());
    }
    let new = asked.or_else(|| pipeline.options.get("max_new_tokens")?.as_u64()).unwrap_or(USUAL_NEW_TOKENS);
    // What can't be read here the library refuses in its own words.
    let Some((key, most)) = user_file::read(config).ok().and_then(|bytes| positions(&bytes)) else { return Ok(()) };
    if prompt.saturating_add(new) <= most {
        return Ok(());
    }
    Err(TooLong { model: model.to_owned(), key, most, prompt, new })
}

/// The most tokens that a model holds, by its config.json; of one that has parts, its text's.
fn positions(config: &[u8]) -> Option<(&'static str, u64)> {
    let config: Value = serde_json::from_slice(config).ok()?;
    let of = |config: &Value| POSITIONS.iter().find_map(|key| Some((*key, config.get(key)?.as_u64()?)));
    of(&config).or_else(|| of(config.get("text_config")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(options: Value) -> Pipeline {
        let task = crate::manifest::model::tasks::task("text-generation").unwrap();
        let Value::Object(options) = options else { panic!("options are a table") };
        Pipeline {
            task,
            id: "m".to_owned(),
            given: Vec::new(),
            options,
            file_name: None,
            subfolder: String::new(),
            tokens: None,
        }
    }

    #[test]
    fn an_axis_asks_for_the_likeliest_tokens_and_none_leaves_the_options_alone() {
        let own =
            json!({ "do_sample": true, "repetition_penalty": 1.3, "max_new_tokens": 7, "return_full_text": false });
        let model = pipeline(own.clone());
        let with = |prompt_tokens, new_tokens| {
            Value::Object(options(&model, Some(GenerationSpec { prompt_tokens, new_tokens })))
        };
        assert_eq!(with(None, None), own);
        assert_eq!(Value::Object(options(&model, None)), own);
        let prompt = with(Some(16), None);
        assert_eq!((&prompt["do_sample"], &prompt["repetition_penalty"]), (&json!(false), &json!(1.0)));
        assert_eq!((&prompt["max_new_tokens"], prompt.get("eos_token_id")), (&json!(7), None));
        let new = with(None, Some(3));
        assert_eq!((&new["do_sample"], &new["max_new_tokens"]), (&json!(false), &json!(3)));
        assert_eq!((&new["eos_token_id"], &new["return_full_text"]), (&Value::Null, &json!(false)));
    }

    #[test]
    fn more_tokens_than_a_model_has_positions_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.json");
        std::fs::write(&config, r#"{"n_positions": 20}"#).unwrap();
        let asked = |options: Value, prompt_tokens, new_tokens| {
            let spec = GenerationSpec { prompt_tokens, new_tokens };
            fits("m", &pipeline(options), Some(spec), &config).map_err(|error| error.to_string())
        };
        assert_eq!(asked(json!({}), Some(16), Some(4)), Ok(()));
        let error = asked(json!({}), Some(16), Some(5)).unwrap_err();
        let said = "the model m holds 20 tokens (`n_positions` in its config.json), and 16 of the prompt and 5 new ones are 21";
        assert!(error.starts_with(said), "{error}");
        // As many as the options say, or the library's own number.
        assert_eq!(asked(json!({ "max_new_tokens": 4 }), Some(16), None), Ok(()));
        assert!(asked(json!({}), Some(16), None).unwrap_err().contains("256 new ones"));
        assert_eq!(asked(json!({}), None, None), Ok(()));
        std::fs::write(&config, "{}").unwrap();
        assert_eq!(asked(json!({}), Some(16), Some(5)), Ok(()));
    }

    #[test]
    fn the_positions_of_a_model_are_those_of_its_text() {
        assert_eq!(positions(br#"{"n_ctx": 8, "n_positions": 512}"#), Some(("n_positions", 512)));
        let parts = br#"{"vision_config": {"n_ctx": 3}, "text_config": {"max_position_embeddings": 4096}}"#;
        assert_eq!(positions(parts), Some(("max_position_embeddings", 4096)));
        for unknown in [&b"{}"[..], b"no JSON", br#"{"n_ctx": "many"}"#] {
            assert_eq!(positions(unknown), None);
        }
    }
}
