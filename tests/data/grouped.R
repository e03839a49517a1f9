# What stands in grouped.json: R 4.2.2 (Debian 12). Scores, bread and meat are those of package sandwich 3, written out: the
# score of an observation of glm, here a group, is its working residual times its working weight times its columns.
d <- read.csv("grouped.csv")
settled <- function(...) { # begun again at its end: its weights are of the iterate before the last
  control <- list(epsilon = 1e-13, maxit = 100)
  glm(..., binomial, control = control, start = coef(glm(..., binomial, control = control)))
}
scores <- function(fit) residuals(fit, "working") * weights(fit, "working") * model.matrix(fit)
errors <- function(fit, meat) sqrt(diag(summary(fit)$cov.unscaled %*% meat %*% summary(fit)$cov.unscaled))
fit <- settled(cbind(dead, n - dead) ~ sex + dose, data = d)
hc <- function(size) errors(fit, crossprod(sqrt(size) * scores(fit)))
n <- nobs(fit); k <- length(coef(fit)); h <- hatvalues(fit)
each <- d[rep(seq_len(n), d$n), ]
each$y <- unlist(mapply(function(s, f) rep(1:0, c(s, f)), d$dead, d$n - d$dead))
one <- settled(y ~ sex + dose, data = each)
found <- list(
  coefficients = coef(fit),
  HC0 = hc(1),                                           # sandwich(fit), vcovHC(fit, "HC0")
  HC1 = hc(n / (n - k)), HC2 = hc(1 / (1 - h)), HC3 = hc(1 / (1 - h)^2),
  Stata = hc(n / (n - 1)),                               # glm dead, family(binomial n) vce(robust)
  cluster = errors(fit, 4 / 3 * crossprod(rowsum(scores(fit), d$batch))),  # vcovCL(fit, ~batch)
  trials = errors(one, crossprod(scores(one)))           # sandwich(one): each trial is a row
)
line <- function(v) paste(sprintf("%.15g", v), collapse = ", ")
cat("{\n", paste(sprintf('  "%s": [%s]', names(found), sapply(found, line)), collapse = ",\n"), "\n}\n", sep = "")
