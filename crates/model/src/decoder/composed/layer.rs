//! One transformer block: attention and feed-forward with their norms.

use candle_core::{D, DType, Result};

use super::attention::Rotation;
use crate::ModelError;
use crate::decoder::{Fetch, Role};
use crate::format::config::{Activation, DecoderConfig};
use crate::nonempty::NonEmptyTensor;

/// Root mean square norm, computed in f32.
pub(super) struct Norm {
    /// `[width]`, in f32, the offset already added.
    weight: NonEmptyTensor,
    epsilon: f64,
}

impl Norm {
    pub(super) fn load(
        config: &DecoderConfig,
        name: &str,
        width: usize,
        fetch: &mut Fetch<'_>,
    ) -> std::result::Result<Self, ModelError> {
        let weight = NonEmptyTensor::of(fetch(&format!("{name}.weight"), &[width], Role::Small)?)?;
        let weight = if config.norm_offset == 0.0 { weight } else { weight.affine(1.0, config.norm_offset)? };
        Ok(Norm { weight, epsilon: config.norm_epsilon })
    }

    /// Over the last dimension; the result has the dtype of `x`.
    pub(super) fn forward(&self, x: &NonEmptyTensor) -> Result<NonEmptyTensor> {
        let wide = x.to_dtype(DType::F32)?;
        let variance = wide.sqr()?.mean_keepdim(D::Minus1)?;
        wide.broadcast_div(&variance.affine(1.0, self.epsilon)?.sqrt()?)?.broadcast_mul(&self.weight)?.to_dtype(x.dtype())
    }
}

/// `x · weightᵀ + bias`, weight `[out, in]`.
struct Linear {
    weight: NonEmptyTensor,
    bias: Option<NonEmptyTensor>,
}

impl Linear {
    fn load(name: &str, out: usize, input: usize, bias: bool, fetch: &mut Fetch<'_>) -> std::result::Result<Self, ModelError> {
        let weight = NonEmptyTensor::of(fetch(&format!("{name}.weight"), &[out, input], Role::Linear)?)?;
        let bias = if bias { Some(NonEmptyTensor::of(fetch(&format!("{name}.bias"), &[out], Role::Small)?)?) } else { None };
        Ok(Linear { weight, bias })
    }

    fn forward(&self, x: &NonEmptyTensor) -> Result<NonEmptyTensor> {
        let y = x.matmul(&self.weight.t()?)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(&bias.to_dtype(y.dtype())?),
            None => Ok(y),
        }
    }
}

/// Which rows of a batch go past keys and values.
#[derive(Clone, Copy)]
pub(super) enum Reads<'a> {
    All,
    /// Those at the indices, `[reads]` of u32.
    At(&'a NonEmptyTensor),
    None,
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

    /// `hidden` is `[nodes, hidden_size]`. `reads` says which rows go past keys and values; where none do, there are no next
    /// hidden states. Keys and values of this batch are each `[kv_heads, nodes, head_dim]`.
    pub(super) fn forward(
        &self,
        config: &DecoderConfig,
        hidden: &NonEmptyTensor,
        rotation: &Rotation,
        mask: &NonEmptyTensor,
        prefix: Option<&(NonEmptyTensor, NonEmptyTensor)>,
        reads: Reads<'_>,
    ) -> Result<(Option<NonEmptyTensor>, (NonEmptyTensor, NonEmptyTensor))> {
        let nodes = hidden.dim(0)?;
        let normed = self.input_norm.forward(hidden)?;
        let by_head = |x: NonEmptyTensor, heads: usize| x.reshape(&[nodes, heads, config.head_dim]);
        let mut keys = by_head(self.key.forward(&normed)?, config.kv_heads)?;
        if let Some((_, norm)) = &self.head_norms {
            keys = norm.forward(&keys)?;
        }
        let keys = rotation.apply(&keys)?.transpose(0, 1)?.contiguous()?;
        let values = by_head(self.value.forward(&normed)?, config.kv_heads)?.transpose(0, 1)?.contiguous()?;
        let kept = (keys.clone(), values.clone());
        let (hidden, normed, rotation, mask) = match reads {
            Reads::None => return Ok((None, kept)),
            Reads::All => (hidden.clone(), normed, rotation.clone(), mask.clone()),
            Reads::At(reads) => (
                hidden.index_select(reads, 0)?,
                normed.index_select(reads, 0)?,
                rotation.select(reads)?,
                mask.index_select(reads, 0)?,
            ),
        };
        let rows = hidden.dim(0)?;
        let group = config.heads / config.kv_heads;
        let mut queries = self.query.forward(&normed)?.reshape(&[rows, config.heads, config.head_dim])?;
        if let Some((norm, _)) = &self.head_norms {
            queries = norm.forward(&queries)?;
        }
        // Query heads that share a key head are rows of one product: [kv_heads, group · rows, head_dim].
        let queries = rotation.apply(&queries)?.transpose(0, 1)?.contiguous()?.affine(config.attention_scale, 0.0)?;
        let queries = queries.reshape(&[config.kv_heads, group * rows, config.head_dim])?;
        let (keys, values) = match prefix {
            None => (keys, values),
            Some((k, v)) => (NonEmptyTensor::cat(&[k, &keys], 1)?, NonEmptyTensor::cat(&[v, &values], 1)?),
        };
        let seen = keys.dim(1)?;
        let mut scores = queries.matmul(&keys.transpose(1, 2)?)?.to_dtype(DType::F32)?;
        if let Some(cap) = config.attention_softcap {
            scores = scores.affine(1.0 / cap, 0.0)?.tanh()?.affine(cap, 0.0)?;
        }
        let scores = scores.reshape(&[config.kv_heads, group, rows, seen])?.broadcast_add(&mask)?;
        let weights = scores.softmax()?.to_dtype(values.dtype())?.reshape(&[config.kv_heads, group * rows, seen])?;
        let mixed = weights
            .matmul(&values)?
            .reshape(&[config.heads, rows, config.head_dim])?
            .transpose(0, 1)?
            .reshape(&[rows, config.heads * config.head_dim])?;
        let mut attended = self.output.forward(&mixed)?;
        if let Some(norm) = &self.post_attention_norm {
            attended = norm.forward(&attended)?;
        }
        let hidden = hidden.add(&attended)?;

        let normed = self.feed_forward_norm.forward(&hidden)?;
        let gate = self.gate.forward(&normed)?;
        let gate = match config.activation {
            Activation::Silu => gate.silu()?,
            Activation::GeluTanh => gate.gelu()?,
            Activation::Gelu => gate.gelu_erf()?,
        };
        let mut fed = self.down.forward(&gate.mul(&self.up.forward(&normed)?)?)?;
        if let Some(norm) = &self.post_feed_forward_norm {
            fed = norm.forward(&fed)?;
        }
        Ok((Some(hidden.add(&fed)?), kept))
    }
}
