"""From what people pass in to a design matrix: columns, tables, files, formulas."""
