//! `config.json` in the terms of the decoder: which of the few choices a transformer has were made.
//!
//! `read` takes them from the file; `rope` knows the two generations of its rotary keys.

mod read;
mod rope;

pub use read::{ModelConfig, Task};

/// One decoder-only transformer. Sizes are counts; shapes elsewhere are stated in these names.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderConfig {
    pub hidden_size: usize,
    pub intermediate_size: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub vocab_size: usize,
    pub activation: Activation,
    pub norm_epsilon: f64,
    /// Gemma: the norm multiplies by `1 + weight`, and embeddings are scaled by √hidden_size.
    pub gemma: bool,
    /// Gemma 2: a second norm after attention and after the feed-forward, before each is added to the residual.
    pub post_norms: bool,
    /// Queries are multiplied by this: `head_dim^-0.5`, or `query_pre_attn_scalar^-0.5`.
    pub attention_scale: f64,
    /// Attention scores pass through `cap · tanh(x / cap)`.
    pub attention_softcap: Option<f64>,
    /// q, k, v and o carry a bias.
    pub attention_bias: bool,
    pub mlp_bias: bool,
    pub rope: Rope,
    /// One entry a layer: `Some(w)` where a position sees only itself and the `w - 1` before it.
    pub windows: Vec<Option<usize>>,
    /// Longest sequence that the model was made for, in tokens.
    pub max_positions: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    Silu,
    /// The tanh form of GELU.
    GeluTanh,
    /// The exact form, by erf.
    Gelu,
}

/// Rotary position embedding: base and what stretches it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rope {
    pub theta: f64,
    pub scaling: RopeScaling,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    Default,
    /// Every angle divided by `factor`.
    Linear {
        factor: f64,
    },
    /// Llama 3.1: low frequencies divided by `factor`, high ones kept, a ramp between
    /// (transformers `modeling_rope_utils.py`, `_compute_llama3_parameters`).
    Llama3 {
        factor: f64,
        low_freq_factor: f64,
        high_freq_factor: f64,
        original_max_positions: usize,
    },
}

impl Rope {
    /// Inverse frequencies, `head_dim / 2` of them, in radians a position.
    pub fn inverse_frequencies(&self, head_dim: usize) -> Vec<f64> {
        (0..head_dim / 2)
            .map(|i| {
                let frequency = self.theta.powf(-2.0 * i as f64 / head_dim as f64);
                match self.scaling {
                    RopeScaling::Default => frequency,
                    RopeScaling::Linear { factor } => frequency / factor,
                    RopeScaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_positions } => {
                        let original = original_max_positions as f64;
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
