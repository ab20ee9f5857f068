//! `config.json` in the terms of the decoder: which of the few choices a transformer has were made.
//!
//! `read` takes them from the file; `architecture` knows what each backbone takes for granted, `rope` the two generations
//! of rotary keys, `windows` which layers slide, `signs` what speaks of a reward model, `stock` which other architectures
//! candle-transformers runs, `refused` why the rest is not run.

mod architecture;
mod read;
pub mod refusal;
mod refused;
mod rope;
mod signs;
mod stock;
mod windows;

pub use architecture::Task;
pub use read::ModelConfig;
pub(crate) use rope::FACTORS;
pub use stock::{Module, Stock};

/// One decoder-only transformer. Sizes are counts; shapes elsewhere are stated in these names.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderConfig {
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the feed-forward network.
    pub intermediate_size: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values, which divide those of queries.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Rows of the embedding.
    pub vocab_size: usize,
    /// Of the feed-forward network.
    pub activation: Activation,
    /// Added to the variance in every norm.
    pub norm_epsilon: f64,
    /// Norms multiply by `weight + norm_offset`: 1 for Gemma, else 0.
    pub norm_offset: f64,
    /// Embeddings are multiplied by this; Gemma: √hidden_size.
    pub embedding_scale: Option<f64>,
    /// Gemma 2 and 3: a second norm after attention and after the feed-forward, before each is added to the residual.
    pub post_norms: bool,
    /// Qwen 3 and Gemma 3: the queries and keys of each head pass through a norm before they are rotated.
    pub query_key_norm: bool,
    /// Queries are multiplied by this: `head_dim^-0.5`, or `query_pre_attn_scalar^-0.5`.
    pub attention_scale: f64,
    /// Attention scores pass through `cap · tanh(x / cap)`.
    pub attention_softcap: Option<f64>,
    /// q, k and v carry a bias.
    pub query_bias: bool,
    /// o carries a bias.
    pub output_bias: bool,
    /// The matrices of the feed-forward network carry a bias.
    pub mlp_bias: bool,
    /// Rotation of queries and keys.
    pub rope: Rope,
    /// Gemma 3: rotation of the layers that have a window, where it is another.
    pub local_rope: Option<Rope>,
    /// One entry a layer: `Some(w)` where a position sees only itself and the `w - 1` before it.
    pub windows: Vec<Option<usize>>,
    /// Longest sequence that the model was made for, in tokens.
    pub max_positions: usize,
}

/// The activation of a feed-forward network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// `x · sigmoid(x)`
    Silu,
    /// The tanh form of GELU.
    GeluTanh,
    /// The exact form, by erf.
    Gelu,
}

/// Rotary position embedding: base and what stretches it.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// The base of the frequencies.
    pub theta: f64,
    /// What stretches them.
    pub scaling: RopeScaling,
}

/// How the frequencies of a rotation are stretched.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    Default,
    /// Every angle divided by `factor`.
    Linear {
        /// Above 0.
        factor: f64,
    },
    /// Llama 3.1: low frequencies divided by `factor`, high ones kept, a ramp between
    /// (transformers `modeling_rope_utils.py`, `_compute_llama3_parameters`).
    Llama3 {
        /// Low frequencies are divided by it.
        factor: f64,
        /// Wavelengths above `original_max_positions` divided by it are low frequencies.
        low_freq_factor: f64,
        /// Wavelengths below `original_max_positions` divided by it are high frequencies.
        high_freq_factor: f64,
        /// Longest sequence, in tokens, before the stretch.
        original_max_positions: usize,
    },
    /// Each frequency divided by its own factor, `head_dim / 2` of them: what a GGUF file holds in place of the rule.
    Factors(Vec<f64>),
}

impl Rope {
    /// Inverse frequencies, `head_dim / 2` of them, in radians a position.
    pub fn inverse_frequencies(&self, head_dim: usize) -> Vec<f64> {
        (0..head_dim / 2)
            .map(|i| {
                let frequency = self.theta.powf(-2.0 * i as f64 / head_dim as f64);
                match &self.scaling {
                    RopeScaling::Default => frequency,
                    RopeScaling::Linear { factor } => frequency / factor,
                    RopeScaling::Factors(factors) => frequency / factors.get(i).copied().unwrap_or(1.0),
                    RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_positions } => {
                        let original = *original_max_positions as f64;
                        let wavelength = 2.0 * std::f64::consts::PI / frequency;
                        if wavelength < original / high_freq_factor {
                            frequency
                        } else if wavelength > original / low_freq_factor {
                            frequency / factor
                        } else {
                            let smooth = (original / wavelength - low_freq_factor) / (high_freq_factor - low_freq_factor);
                            (1.0 - smooth) * frequency / factor + smooth * frequency
                        }
                    }
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_give_what_the_rule_gives() {
        let rule = RopeScaling::Llama3 { factor: 32.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_positions: 64 };
        let ruled = Rope { theta: 10_000.0, scaling: rule }.inverse_frequencies(16);
        let plain = Rope { theta: 10_000.0, scaling: RopeScaling::Default }.inverse_frequencies(16);
        let factors = plain.iter().zip(&ruled).map(|(plain, ruled)| plain / ruled).collect();
        let divided = Rope { theta: 10_000.0, scaling: RopeScaling::Factors(factors) }.inverse_frequencies(16);
        assert!(ruled.iter().zip(&divided).all(|(a, b)| (a - b).abs() < 1e-12), "{ruled:?} {divided:?}");
    }

    #[test]
    fn llama3_scaling_keeps_high_frequencies_and_divides_low_ones() {
        let scaling =
            RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_positions: 8192 };
        let plain = Rope { theta: 500_000.0, scaling: RopeScaling::Default }.inverse_frequencies(128);
        let scaled = Rope { theta: 500_000.0, scaling }.inverse_frequencies(128);
        assert_eq!(scaled[0], plain[0]);
        assert_eq!(scaled[63], plain[63] / 8.0);
        assert!(scaled.iter().zip(&plain).any(|(s, p)| *s < p * 0.99 && *s > p / 7.9), "a ramp stands between");
    }
}
