"""Models: one module per family. `build` makes a LightningModule, `load` reads a saved network.

A family's module offers

    build(config: Config, splits: Splits, reporter) -> tuple[LightningModule, Task]
    load(folder: Path) -> torch.nn.Module

where the LightningModule has `.network` (the torch module that is saved and exported, called as
`network(**inputs).logits`) and the folder holds what `network.save_pretrained` wrote.
"""
