# What stands in packages_r.json: rms 6.5-0, pscl 1.5.5, VGAM 1.1-7 and stats of R 4.2.2 (Debian 12).
# Run in this folder: Rscript packages.R > packages_r.json
invisible(Sys.setlocale("LC_COLLATE", "C"))
quiet <- function(x) suppressWarnings(suppressMessages(x))
quiet({ library(rms); library(pscl); library(VGAM) })
control <- list(epsilon = 1e-14, maxit = 100)
# JSON: 17 digits, null for what is missing; a vector of length 1 is a number unless it is I()
json <- function(x) {
  if (is.null(x)) return("null")
  if (is.list(x)) return(paste0("{", paste(sprintf('"%s": %s', names(x), sapply(x, json)), collapse = ", "), "}"))
  each <- if (is.numeric(x)) ifelse(is.finite(x), sprintf("%.17g", x), "null") else
    if (is.logical(x)) tolower(x) else sprintf('"%s"', x)
  if (length(x) == 1 && !inherits(x, "AsIs")) each else paste0("[", paste(each, collapse = ", "), "]")
}
case <- function(name) read.csv(file.path("cases", paste0(name, ".csv")))
births <- read.csv("../../models/data/births.csv", stringsAsFactors = TRUE)
people <- na.omit(transform(read.csv("passengers_train.csv", stringsAsFactors = TRUE), pclass = factor(pclass)))
sets <- list(
  births = list(low ~ age + lwt + race + smoke + ht + ui, births),
  passengers = list(survived ~ pclass * sex + age, people),
  nes_logit = list(y ~ income, case("nes_logit")),
  pima_tr = list(y ~ npreg + glu + bp + skin + bmi + ped + age, case("pima_tr")),
  survey = list(y ~ x + g, read.csv("survey.csv", stringsAsFactors = TRUE))
)
# 0.025 of the deviance is near enough by default: then most samples without an MLE count as fits
strict <- lrm.fit
formals(strict)$eps <- 1e-8
assignInNamespace("lrm.fit", strict, "rms")

# 40 calls of 50 samples, each of its own seed: their spread is the Monte Carlo error of their mean
INDICES <- c("Dxy", "Slope", "Intercept", "B", "Q")
several <- function(fit, calls, ...) {
  each <- sapply(seq_len(calls), function(seed) {
    set.seed(seed)
    invisible(capture.output(table <- quiet(validate(fit, ...))))
    c(table[INDICES, "index.corrected"], table[INDICES, "test"], table["B", "n"])
  })
  k <- length(INDICES)
  list(
    orig = quiet(validate(fit, B = 2))[INDICES, "index.orig"],
    corrected = rowMeans(each[1:k, ]), corrected_se = apply(each[1:k, ], 1, sd) / sqrt(calls),
    test = rowMeans(each[k + 1:k, ]), test_se = apply(each[k + 1:k, ], 1, sd) / sqrt(calls),
    fits = sum(each[2 * k + 1, ])
  )
}
validated <- lapply(sets, function(set) {
  fit <- lrm(set[[1]], set[[2]], x = TRUE, y = TRUE, eps = 1e-12, maxit = 50)
  found <- list(
    formula = paste(deparse(set[[1]], 500), collapse = ""), n = nrow(set[[2]]),
    bootstrap = several(fit, 40, B = 50), # 2,000 samples
    stratified = several(fit, 40, B = 50, group = fit$y)
  )
  c(found, list(cross_validation = several(fit, 100, method = "crossvalidation", B = 5)))
})

# models of terms.R: those of one row an observation, grouped counts, and an offset, which the null model of pR2 lacks
survey <- read.csv("survey.csv", stringsAsFactors = TRUE)
grouped <- transform(read.csv("grouped.csv", stringsAsFactors = TRUE), dose = factor(dose))
grouped$counts <- with(grouped, cbind(dead, n - dead))
models <- list(
  births = list(low ~ age + lwt + race + smoke + ht + ui, births),
  births_slopes = list(low ~ age * smoke + lwt + race, births),
  passengers = list(survived ~ pclass * sex + age, people),
  survey = list(y ~ x + g + offset(log(t)), survey),
  grouped = list(counts ~ sex + dose, grouped), # pR2 finds no cbind() in the model frame
  cells = list(y ~ A + B + D, read.csv("empty_cells.csv", stringsAsFactors = TRUE))
)
fitted_models <- lapply(models, function(each) {
  assign("rows", each[[2]], globalenv()) # the tests evaluate the call again
  fit <- eval(bquote(glm(.(each[[1]]), binomial, rows, control = control)))
  invisible(capture.output(of_pscl <- pR2(fit)))
  of_vgam <- eval(bquote(vglm(.(each[[1]]), binomialff, rows, epsilon = 1e-11, maxit = 100)))
  # begun again at its end: the weights are of the iterate before the last
  of_vgam <- quiet(eval(bquote(vglm(.(each[[1]]), binomialff, rows, coefstart = .(coef(of_vgam)), epsilon = 1e-11))))
  list(
    pR2 = as.list(of_pscl), names = names(coef(of_vgam)),
    vglm = list(
      coefficients = unname(coef(of_vgam)), standard_errors = unname(sqrt(diag(vcov(of_vgam)))),
      hauck_donner = unname(hdeff(of_vgam)), derivative = unname(hdeff(of_vgam, derivative = 1))
    ),
    # signed roots, of each coefficient but the intercept
    lrt = unname(quiet(lrt.stat(of_vgam))), score = unname(quiet(score.stat(of_vgam)))
  )
})
polynomials <- lapply(c("2" = 2, "3" = 3, "5" = 5, "8" = 8, "12" = 12), function(n) c(contr.poly(n))) # by columns
cat(gsub('("(births|passengers|nes_logit|pima_tr|survey|grouped|cells|births_slopes)": \\{)', "\n\\1",
  json(list(indices = INDICES, validate = validated, models = fitted_models, polynomials = polynomials))), "\n")
