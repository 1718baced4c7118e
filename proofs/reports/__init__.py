"""Reports that compare variants of the model: ambiguities of the specification, the patch under review, fixes."""
