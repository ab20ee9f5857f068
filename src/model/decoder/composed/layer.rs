//! One transformer block: attention and feed-forward with their norms.

use candle_core::{D, DType, Result, Tensor};

use super::attention::Rotation;
use crate::model::ModelError;
use crate::model::config::{Activation, DecoderConfig};
use crate::model::decoder::{Fetch, Role};

/// Root mean square norm, computed in f32.
pub(super) struct Norm {
    /// `[width]`, in f32, the offset already added.
    weight: Tensor,
    epsilon: f64,
}

impl Norm {
    pub(super) fn load(
        config: &DecoderConfig,
        name: &str,
        width: usize,
        fetch: &mut Fetch<'_>,
    ) -> std::result::Result<Self, ModelError> {
        let weight = fetch(&format!("{name}.weight"), &[width], Role::Small)?;
        let weight = if config.norm_offset == 0.0 { weight } else { (weight + config.norm_offset)? };
        Ok(Norm { weight, epsilon: config.norm_epsilon })
    }

    /// Over the last dimension; the result has the dtype of `x`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let wide = x.to_dtype(DType::F32)?;
        let variance = wide.sqr()?.mean_keepdim(D::Minus1)?;
        wide.broadcast_div(&(variance + self.epsilon)?.sqrt()?)?.broadcast_mul(&self.weight)?.to_dtype(x.dtype())
    }
}

/// `x · weightᵀ + bias`, weight `[out, in]`.
struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    fn load(name: &str, out: usize, input: usize, bias: bool, fetch: &mut Fetch<'_>) -> std::result::Result<Self, ModelError> {
        let weight = fetch(&format!("{name}.weight"), &[out, input], Role::Linear)?;
        let bias = if bias { Some(fetch(&format!("{name}.bias"), &[out], Role::Small)?) } else { None };
        Ok(Linear { weight, bias })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.matmul(&self.weight.t()?)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(&bias.to_dtype(y.dtype())?),
            None => Ok(y),
        }
    }
}

pub(super) struct Layer {
    input_norm: Norm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    /// Of queries and of keys, `[head_dim]` each.
    head_norms: Option<(Norm, Norm)>,
    post_attention_norm: Option<Norm>,
    feed_forward_norm: Norm,
    gate: Linear,
    up: Linear,
    down: Linear,
    post_feed_forward_norm: Option<Norm>,
}

impl Layer {
    pub(super) fn load(config: &DecoderConfig, index: usize, fetch: &mut Fetch<'_>) -> std::result::Result<Self, ModelError> {
        let base = format!("model.layers.{index}");
        let (h, i) = (config.hidden_size, config.intermediate_size);
        let (q, kv) = (config.heads * config.head_dim, config.kv_heads * config.head_dim);
        let (bias, mlp_bias) = (config.query_bias, config.mlp_bias);
        let at = |part: &str| format!("{base}.{part}");
        // With post norms the name `post_attention_layernorm` means what it says; without, it is the norm before the MLP.
        let (post_attention_norm, feed_forward_norm, post_feed_forward_norm) = if config.post_norms {
            (
                Some(Norm::load(config, &at("post_attention_layernorm"), h, fetch)?),
                Norm::load(config, &at("pre_feedforward_layernorm"), h, fetch)?,
                Some(Norm::load(config, &at("post_feedforward_layernorm"), h, fetch)?),
            )
        } else {
            (None, Norm::load(config, &at("post_attention_layernorm"), h, fetch)?, None)
        };
        let head_norms = if config.query_key_norm {
            let query = Norm::load(config, &at("self_attn.q_norm"), config.head_dim, fetch)?;
            Some((query, Norm::load(config, &at("self_attn.k_norm"), config.head_dim, fetch)?))
        } else {
            None
        };
        Ok(Layer {
            head_norms,
            input_norm: Norm::load(config, &at("input_layernorm"), h, fetch)?,
            query: Linear::load(&at("self_attn.q_proj"), q, h, bias, fetch)?,
            key: Linear::load(&at("self_attn.k_proj"), kv, h, bias, fetch)?,
            value: Linear::load(&at("self_attn.v_proj"), kv, h, bias, fetch)?,
            output: Linear::load(&at("self_attn.o_proj"), h, q, config.output_bias, fetch)?,
            post_attention_norm,
            feed_forward_norm,
            gate: Linear::load(&at("mlp.gate_proj"), i, h, mlp_bias, fetch)?,
            up: Linear::load(&at("mlp.up_proj"), i, h, mlp_bias, fetch)?,
            down: Linear::load(&at("mlp.down_proj"), h, i, mlp_bias, fetch)?,
            post_feed_forward_norm,
        })
    }

    /// `hidden` is `[nodes, hidden_size]`; with `select` (`[reads]`, u32) only those rows go past keys and values.
    /// Returns the next hidden states and this batch's keys and values, each `[kv_heads, nodes, head_dim]`.
    pub(super) fn forward(
        &self,
        config: &DecoderConfig,
        hidden: &Tensor,
        rotation: &Rotation,
        mask: &Tensor,
        prefix: Option<&(Tensor, Tensor)>,
        select: Option<&Tensor>,
    ) -> Result<(Tensor, (Tensor, Tensor))> {
        let nodes = hidden.dim(0)?;
        let normed = self.input_norm.forward(hidden)?;
        let by_head = |x: Tensor, heads: usize| x.reshape((nodes, heads, config.head_dim));
        let mut keys = by_head(self.key.forward(&normed)?, config.kv_heads)?;
        if let Some((_, norm)) = &self.head_norms {
            keys = norm.forward(&keys)?;
        }
        let keys = rotation.apply(&keys)?.transpose(0, 1)?.contiguous()?;
        let values = by_head(self.value.forward(&normed)?, config.kv_heads)?.transpose(0, 1)?.contiguous()?;
        let kept = (keys.clone(), values.clone());
        if select.is_some_and(|reads| reads.elem_count() == 0) {
            return Ok((hidden.narrow(0, 0, 0)?, kept));
        }

        let (hidden, normed, rotation, mask) = match select {
            None => (hidden.clone(), normed, rotation.clone(), mask.clone()),
            Some(reads) => (
                hidden.index_select(reads, 0)?,
                normed.index_select(reads, 0)?,
                rotation.select(reads)?,
                mask.index_select(reads, 0)?,
            ),
        };
        let rows = hidden.dim(0)?;
        let group = config.heads / config.kv_heads;
        let mut queries = self.query.forward(&normed)?.reshape((rows, config.heads, config.head_dim))?;
        if let Some((norm, _)) = &self.head_norms {
            queries = norm.forward(&queries)?;
        }
        // Query heads that share a key head are rows of one product: [kv_heads, group · rows, head_dim].
        let queries = (rotation.apply(&queries)?.transpose(0, 1)?.contiguous()? * config.attention_scale)?.reshape((
            config.kv_heads,
            group * rows,
            config.head_dim,
        ))?;
        let (keys, values) = match prefix {
            None => (keys, values),
            Some((k, v)) => (Tensor::cat(&[k, &keys], 1)?, Tensor::cat(&[v, &values], 1)?),
        };
        let seen = keys.dim(1)?;
        let mut scores = queries.matmul(&keys.transpose(1, 2)?)?.to_dtype(DType::F32)?;
        if let Some(cap) = config.attention_softcap {
            scores = ((scores / cap)?.tanh()? * cap)?;
        }
        let scores = scores.reshape((config.kv_heads, group, rows, seen))?.broadcast_add(&mask)?;
        let weights = softmax(&scores)?.to_dtype(values.dtype())?.reshape((config.kv_heads, group * rows, seen))?;
        let mixed = weights
            .matmul(&values)?
            .reshape((config.heads, rows, config.head_dim))?
            .transpose(0, 1)?
            .reshape((rows, config.heads * config.head_dim))?;
        let mut attended = self.output.forward(&mixed)?;
        if let Some(norm) = &self.post_attention_norm {
            attended = norm.forward(&attended)?;
        }
        let hidden = (hidden + attended)?;

        let normed = self.feed_forward_norm.forward(&hidden)?;
        let gate = self.gate.forward(&normed)?;
        let gate = match config.activation {
            Activation::Silu => gate.silu()?,
            Activation::GeluTanh => gate.gelu()?,
            Activation::Gelu => gate.gelu_erf()?,
        };
        let mut fed = self.down.forward(&(gate * self.up.forward(&normed)?)?)?;
        if let Some(norm) = &self.post_feed_forward_norm {
            fed = norm.forward(&fed)?;
        }
        Ok(((hidden + fed)?, kept))
    }
}

/// Over the last dimension, in the dtype given (f32 here).
fn softmax(x: &Tensor) -> Result<Tensor> {
    let exponentials = x.broadcast_sub(&x.max_keepdim(D::Minus1)?)?.exp()?;
    exponentials.broadcast_div(&exponentials.sum_keepdim(D::Minus1)?)
}
