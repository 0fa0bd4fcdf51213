"""The ONNX operators a network may be made of.

All are of the standard domain up to opset 21 and pure: the same window gives the same answer, in
tensors whose shapes are known beforehand. Whether the box's engine has them, it tells when it tries
the networks. Left out on purpose are control flow (If, Loop, Scan: work without an end), random
numbers (RandomNormal, Multinomial, Bernoulli, Dropout's training), strings, sequences and
optionals, and what has as many results as the data please (NonZero, Unique, Compress,
NonMaxSuppression).
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARITHMETIC = _names(
    "Abs Add Ceil Clip Cos Div Erf Exp Floor Log Max Mean Min Mod Mul Neg Pow Reciprocal Round "
    "Sign Sin Sqrt Sub Sum Tan Tanh Sinh Cosh Asin Acos Atan Asinh Acosh Atanh"
)
LOGIC = _names("And Or Xor Not Equal Greater GreaterOrEqual Less LessOrEqual Where IsNaN IsInf")
ACTIVATION = _names(
    "Relu LeakyRelu PRelu Elu Selu Celu Gelu Sigmoid HardSigmoid HardSwish Mish Softmax LogSoftmax "
    "Softplus Softsign ThresholdedRelu Hardmax"
)
NETWORK = _names(
    "Conv ConvTranspose MatMul Gemm Einsum LSTM GRU RNN BatchNormalization InstanceNormalization "
    "LayerNormalization GroupNormalization LpNormalization LRN Dropout AveragePool MaxPool LpPool "
    "GlobalAveragePool GlobalMaxPool GlobalLpPool CumSum"
)
REDUCTION = _names(
    "ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum "
    "ReduceLogSumExp ReduceSumSquare ArgMax ArgMin TopK"
)
SHAPE = _names(
    "Cast CastLike Concat Constant ConstantOfShape DepthToSpace Expand Flatten Gather "
    "GatherElements GatherND Identity OneHot Pad Range Reshape Resize ReverseSequence "
    "ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose Unsqueeze"
)
INTEGER = _names(
    "QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul ConvInteger "
    "MatMulInteger"
)
ALLOWED = ARITHMETIC | LOGIC | ACTIVATION | NETWORK | REDUCTION | SHAPE | INTEGER
STANDARD = ("", "ai.onnx")  # two names of one domain
OPSETS = range(11, 22)
