# What stands in survey.json: R 4.2.2, survey 4.1-1 (Debian 12).
library(survey)
d <- read.csv("survey.csv", stringsAsFactors = TRUE)
designs <- list(
  weights = svydesign(ids = ~1, weights = ~w, data = d),
  clusters = svydesign(ids = ~psu, weights = ~w, data = transform(d, psu = interaction(stratum, psu))),
  strata = svydesign(ids = ~1, strata = ~stratum, weights = ~w, data = d),
  both = svydesign(ids = ~psu, strata = ~stratum, weights = ~w, data = d, nest = TRUE)
)
control <- list(epsilon = 1e-14, maxit = 100)
cat("{\n")
for (name in names(designs)) {
  fit <- svyglm(y ~ x + g + offset(log(t)), designs[[name]], family = quasibinomial(), control = control)
  cat(sprintf('  "%s": {"coefficients": [%s], "standard_errors": [%s], "df": %d}%s\n', name,
    paste(sprintf("%.15g", coef(fit)), collapse = ", "), paste(sprintf("%.15g", SE(fit)), collapse = ", "),
    as.integer(degf(designs[[name]])), if (name == "both") "" else ","))
}
cat("}\n")
