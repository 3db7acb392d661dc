"""What is served: the bundle and the predictor. onnxruntime, tokenizers and numpy; no torch."""
