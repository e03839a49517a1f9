# What stands in terms_r.json: R 4.2.2 with car 3.1-1, sandwich 3.0-2, emmeans 1.8.4-1, clubSandwich 0.5.8
# and pROC 1.18.0 (Debian 12). Run in this folder: Rscript terms.R > terms_r.json
invisible(Sys.setlocale("LC_COLLATE", "C"))
suppressPackageStartupMessages({
  library(car); library(sandwich); library(emmeans); library(clubSandwich); library(pROC)
})
BIRTHS <- "../../models/data/births.csv"
births <- read.csv(BIRTHS, stringsAsFactors = TRUE)
lizards <- read.csv("lizards.csv", stringsAsFactors = TRUE)
survey <- read.csv("survey.csv", stringsAsFactors = TRUE)
cells <- read.csv("empty_cells.csv", stringsAsFactors = TRUE)
grouped <- transform(read.csv("grouped.csv", stringsAsFactors = TRUE), dose = factor(dose), level = dose)
people <- na.omit(transform(read.csv("passengers_train.csv", stringsAsFactors = TRUE), pclass = factor(pclass)))
control <- list(epsilon = 1e-14, maxit = 100)

# begun again at its end: the weights of glm are of the iterate before the last
settled <- function(formula, data, ...) {
  call <- bquote(glm(.(formula), family = binomial, data = .(substitute(data)), control = control))
  more <- substitute(list(...))[-1]
  for (name in names(more)) call[[name]] <- more[[name]]
  first <- eval(call, parent.frame())
  again <- call
  again$start <- coef(first)
  fit <- eval(again, parent.frame())
  fit$call <- call
  fit
}
quiet <- function(x) suppressWarnings(suppressMessages(x))

# JSON: 17 digits, null for what is missing; a vector of length 1 is a number unless it is I()
json <- function(x) {
  if (is.null(x)) return("null")
  if (is.data.frame(x)) x <- c(list(row = I(rownames(x))), lapply(x, I))
  if (is.list(x)) return(paste0("{", paste(sprintf('"%s": %s', names(x), sapply(x, json)), collapse = ", "), "}"))
  each <- if (is.numeric(x)) ifelse(is.finite(x), sprintf("%.17g", x), "null") else ifelse(is.na(x), "null", sprintf('"%s"', x))
  if (length(x) == 1 && !inherits(x, "AsIs")) each else paste0("[", paste(each, collapse = ", "), "]")
}
plain <- function(x) { # rownames kept, attributes and spaces not
  found <- as.data.frame(unclass(x), optional = TRUE)
  rownames(found) <- trimws(rownames(x))
  found
}
table_of <- function(x) { x <- plain(x); x[] <- lapply(x, function(v) if (is.factor(v)) as.character(v) else v); x }

# fitted with sums to zero, without which type III asks nothing sensible
type_three <- function(fit, statistic) {
  old <- options(contrasts = c("contr.sum", "contr.poly"))
  on.exit(options(old))
  again <- eval(fit$call, globalenv())
  fit$call$start <- coef(again)
  again <- eval(fit$call, globalenv())
  again$call$start <- NULL
  plain(Anova(again, type = 3, test.statistic = statistic))
}
# one row an observation: what a frequency weight, or a group, stands for
expanded <- function(fit, data) {
  y <- model.response(model.frame(fit))
  if (is.matrix(y)) {
    each <- data[rep(seq_len(nrow(data)), rowSums(y)), ]
    each$y1 <- unlist(mapply(function(s, f) rep(1:0, c(s, f)), y[, 1], y[, 2]))
    formula <- update(formula(fit), y1 ~ .)
  } else {
    each <- data[rep(seq_len(nrow(data)), fit$prior.weights), ]
    formula <- formula(fit)
  }
  assign("each_row", each, globalenv())
  call <- bquote(glm(.(formula), family = binomial, data = each_row, control = control))
  first <- eval(call, globalenv())
  call$start <- coef(first)
  eval(call, globalenv())
}
means <- function(fit, by) {
  grid <- quiet(ref_grid(fit, cov.keep = character(0)))
  of <- function(x, ...) table_of(quiet(summary(x, infer = TRUE, ...)))
  emm <- quiet(emmeans(grid, by))
  # regrid takes no offset that is beside the grid; there is one factor then, and no mean
  probabilities <- if (is.null(fit$offset)) quiet(emmeans(regrid(grid), by))
  pairs_of <- function(x, adjust, ...) of(contrast(x, "pairwise"), adjust = adjust, ...)
  joint_of <- function(x) { x <- as.data.frame(quiet(x)); x$note <- NULL; table_of(x) }
  list(
    link = of(emm), response = of(emm, type = "response"), # the response of the mean of log-odds
    mean_response = if (!is.null(probabilities)) of(probabilities), # the mean of probabilities
    pairs = lapply(c(none = "none", holm = "holm", tukey = "tukey"), function(a) pairs_of(emm, a)),
    odds_ratios = pairs_of(emm, "none", type = "response"),
    differences = lapply(c(none = "none", holm = "holm", tukey = "tukey"), function(a) pairs_of(regrid(emm), a)),
    mean_differences = if (!is.null(probabilities)) pairs_of(probabilities, "none"),
    joint_tests = joint_of(joint_tests(emm)), # by term; the last: within each level of the second
    joint_pairs = joint_of(test(contrast(emm, "pairwise"), joint = TRUE)),
    joint_tests_of_means = if (!is.null(probabilities)) joint_of(joint_tests(probabilities)),
    joint_tests_within = if (length(by) > 1) joint_of(joint_tests(emm, by = by[2]))
  )
}
robust <- function(fit, data) { # one row an observation
  types <- c(HC0 = "HC0", HC1 = "HC1", HC2 = "HC2", HC3 = "HC3", HC4 = "HC4", HC4m = "HC4m", HC5 = "HC5")
  lapply(types, function(type) sqrt(diag(vcovHC(fit, type))))
}
clustered <- function(fit, one, two) {
  # null: a variance below 0, or clusters that a coefficient of their own fits
  se <- function(...) tryCatch(quiet(sqrt(diag(vcovCL(fit, ...)))), error = function(e) NULL)
  types <- c(HC0 = "HC0", HC1 = "HC1", HC2 = "HC2", HC3 = "HC3")
  both <- cbind(one, two)
  cr <- c(CR0 = "CR0", CR1 = "CR1", CR1S = "CR1S", CR1p = "CR1p", CR2 = "CR2", CR3 = "CR3")
  found <- list(
    one_way = lapply(types, function(t) se(cluster = one, type = t)),             # with G / (G - 1)
    one_way_without_factor = lapply(types, function(t) se(cluster = one, type = t, cadjust = FALSE)),
    two_way = lapply(types, function(t) se(cluster = both, type = t)),            # each its own G / (G - 1)
    two_way_multi0 = lapply(types, function(t) se(cluster = both, type = t, multi0 = TRUE)),
    two_way_without_factor = lapply(types, function(t) se(cluster = both, type = t, cadjust = FALSE)),
    clubSandwich = lapply(cr, function(t) quiet(sqrt(diag(as.matrix(vcovCR(fit, cluster = one, type = t))))))
  )
  test <- coef_test(fit, vcov = "CR2", cluster = one, test = "Satterthwaite")
  c(found, list(CR2_satterthwaite = list(t = test$tstat, df = test$df_Satt, p = test$p_Satt)))
}
indices <- function(fit) { # one row an observation
  found <- roc(fit$y, fitted(fit), quiet = TRUE, direction = "<", levels = c(0, 1))
  interval <- ci.auc(found, method = "delong")
  p <- fitted(fit); eta <- predict(fit)
  list(
    log_likelihood = -fit$deviance / 2, null_log_likelihood = -fit$null.deviance / 2, # as pscl::pR2, which refits
    mcfadden = 1 - fit$deviance / fit$null.deviance,
    cox_snell = 1 - exp((fit$deviance - fit$null.deviance) / nobs(fit)),
    nagelkerke = (1 - exp((fit$deviance - fit$null.deviance) / nobs(fit))) / (1 - exp(-fit$null.deviance / nobs(fit))),
    auc = as.numeric(auc(found)), auc_delong_variance = var(found, method = "delong"),
    auc_delong_interval = as.numeric(interval)[c(1, 3)], brier = mean((fit$y - p)^2),
    discrimination_slope = mean(p[fit$y == 1]) - mean(p[fit$y == 0]),
    AICc = { k <- length(coef(fit)); n <- nobs(fit); AIC(fit) + 2 * k * (k + 1) / (n - k - 1) }
  )
}
casewise <- function(fit) list(
  rstudent = rstudent(fit), rstandard = rstandard(fit), rstandard_pearson = rstandard(fit, type = "pearson"),
  dffits = dffits(fit), cooks_distance = cooks.distance(fit), hatvalues = hatvalues(fit), covratio = covratio(fit)
)
facts <- function(fit, python, data_file, data, by = NULL, one = NULL, two = NULL, cases = FALSE, weights = NULL) {
  flat <- all(fit$prior.weights == 1)
  each <- if (flat) fit else expanded(fit, data)
  found <- list(
    data = data_file, formula = python, r_formula = paste(deparse(formula(fit), 500), collapse = ""), weights = weights,
    names = names(coef(fit)), coefficients = unname(coef(fit)), standard_errors = unname(sqrt(diag(vcov(fit)))),
    log_likelihood_of_trials = as.numeric(logLik(each)), deviance = deviance(fit), deviance_of_trials = deviance(each),
    null_deviance = fit$null.deviance, aic = AIC(fit), bic = BIC(fit), n = nobs(fit), n_trials = nobs(each),
    terms = I(attr(terms(fit), "term.labels")),
    anova = lapply(c(chisq = "Chisq", rao = "Rao"), function(t) plain(anova(fit, test = t))),
    drop1 = lapply(c(chisq = "Chisq", rao = "Rao"), function(t) plain(drop1(fit, test = t))),
    type_II = lapply(c(lr = "LR", wald = "Wald"), function(s) plain(Anova(fit, type = 2, test.statistic = s))),
    type_III = lapply(c(lr = "LR", wald = "Wald"), function(s) type_three(fit, s)),
    vif = { v <- tryCatch(quiet(vif(fit)), error = function(e) NULL)
            if (is.null(v)) NULL else plain(if (is.matrix(v)) v else cbind(GVIF = v, Df = 1, "GVIF^(1/(2*Df))" = sqrt(v))) },
    robust_of_trials = robust(each), indices_of_trials = indices(each)
  )
  # robust tests by term: each trial a row
  found$type_II_HC3_of_trials <- tryCatch(
    plain(quiet(Anova(each, type = 2, test.statistic = "Wald", vcov. = vcovHC(each, "HC3")))), error = function(e) NULL)
  if (!flat && is.matrix(model.response(model.frame(fit)))) found$robust_of_groups <- robust(fit)
  if (!is.null(by)) found$means <- setNames(lapply(by, function(v) means(fit, v)), sapply(by, paste, collapse = ":"))
  if (!is.null(one)) found$clustered <- c(list(by = I(c(one, two))), clustered(fit, data[[one]], data[[two]]))
  if (cases) found$casewise <- casewise(fit)
  found
}
fits <- list(
  births = facts(settled(low ~ age + lwt + race + smoke + ht + ui, births), "low ~ age + lwt + race + smoke + ht + ui",
    BIRTHS, births, list("race", "smoke"), "age", "lwt", TRUE),
  births_slopes = facts(settled(low ~ age * smoke + lwt + race, births), "low ~ age * smoke + lwt + race",
    BIRTHS, births, list("race", "smoke"), "age", "lwt"),
  births_factors = facts(settled(low ~ race * smoke + lwt, births), "low ~ race * smoke + lwt",
    BIRTHS, births, list("race", "smoke", c("race", "smoke")), "age", "lwt"),
  births_polynomial = facts(settled(low ~ poly(age, 2) + race + smoke, births), "low ~ poly(age, 2) + race + smoke",
    BIRTHS, births, list("race")),
  births_square = facts(settled(low ~ age + I(age^2) + lwt + race, births), "low ~ age + I(age**2) + lwt + race",
    BIRTHS, births, list("race")),
  passengers = facts(settled(survived ~ pclass * sex + age, people), "survived ~ C(pclass) * sex + age",
    "passengers_train.csv", people, list("pclass", "sex", c("pclass", "sex"))),
  survey = facts(settled(y ~ x + g + offset(log(t)), survey), "y ~ x + g + offset(log(t))",
    "survey.csv", survey, list("g"), "psu", "stratum", TRUE),
  survey_slopes = facts(settled(y ~ x * g + stratum, survey), "y ~ x * g + stratum",
    "survey.csv", survey, list("g", "stratum"), "psu", "stratum"),
  lizards = facts(settled(grahami ~ height + diameter + light + time, lizards, weights = freq),
    "grahami ~ height + diameter + light + time", "lizards.csv", lizards, list("time", "height"), cases = TRUE, weights = "freq"),
  lizards_factors = facts(settled(grahami ~ height * time + diameter + light, lizards, weights = freq),
    "grahami ~ height * time + diameter + light", "lizards.csv", lizards, list("time", c("height", "time")), weights = "freq"),
  grouped = facts(settled(cbind(dead, n - dead) ~ sex + dose, grouped), "cbind(dead, n - dead) ~ sex + C(dose)",
    "grouped.csv", grouped, list("sex", "dose"), cases = TRUE),
  cells = facts(settled(y ~ A + B + D, cells), "y ~ A + B + D", "empty_cells.csv", cells, list("A", "B", "D"))
)
# several models beside each other
small <- settled(low ~ lwt, births); middle <- settled(low ~ lwt + race, births); large <- settled(low ~ lwt + race * smoke, births)
between <- lapply(c(chisq = "Chisq", rao = "Rao"), function(t) plain(anova(small, middle, large, test = t)))
# an ordered factor: polynomial contrasts
ordered_fit <- settled(cbind(dead, n - dead) ~ sex + ordered(dose), grouped)
out <- list(models = fits, between = between,
  ordered = list(formula = "cbind(dead, n - dead) ~ sex + ordered(dose)", names = names(coef(ordered_fit)),
    coefficients = unname(coef(ordered_fit)), standard_errors = unname(sqrt(diag(vcov(ordered_fit))))))
cat(gsub('("(births|passengers|survey|lizards|grouped|cells)[a-z_]*": \\{"data")', "\n\\1", json(out)), "\n")
