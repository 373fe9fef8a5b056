# Reference values for interrupted time series: Rscript tests/reference/time_series.R
# R 4.2.2, sandwich 3.0-2. Writes time_series.csv beside itself; the tests read that file and do not need R.
# Road casualties: datasets::Seatbelts. Sicily: sicily.csv, the records of Lopez Bernal, Cummins and Gasparrini
# (2017), Int. J. Epidemiol. 46, 348-355 (acute coronary episodes a month, age-standardised population).
suppressMessages(library(sandwich))
args <- commandArgs()
here <- dirname(sub("^--file=", "", args[grepl("^--file=", args)]))
exact <- glm.control(epsilon = 1e-14, maxit = 100)
rows <- data.frame()
note <- function(name, value) rows <<- rbind(rows, data.frame(name = name, value = sprintf("%.12g", value)))

law <- data.frame(Seatbelts)
law$month <- factor(rep(1:12, 16)); law$time <- 1:192
for (family in c("poisson", "quasipoisson")) {
  fit <- glm(VanKilled ~ law + month + time, offset = log(kms), family = family, data = law, control = exact)
  ends <- exp(confint.default(fit)["law", ])
  note(paste0("van.", family, ".estimate"), exp(coef(fit)["law"]))
  note(paste0("van.", family, ".low"), ends[1]); note(paste0("van.", family, ".high"), ends[2])
}
note("van.dispersion", summary(fit)$dispersion)
note("van.trend", exp(coef(fit)["time"]))
note("van.hac4.se", sqrt(NeweyWest(fit, lag = 4, prewhite = FALSE, adjust = FALSE)["law", "law"]))
note("van.crude", with(law, sum(VanKilled[law == 1]) / sum(kms[law == 1]) / (sum(VanKilled[law == 0]) / sum(kms[law == 0]))))
rear <- glm(rear ~ law + month + time, offset = log(kms), family = quasipoisson, data = law, control = exact)
note("rear.estimate", exp(coef(rear)["law"]))

# logarithms by least squares, two harmonics, level and slope
law$since <- pmax(law$time - 170, 0)
wave <- with(law, cbind(sin(2 * pi * time / 12), cos(2 * pi * time / 12), sin(4 * pi * time / 12), cos(4 * pi * time / 12)))
line <- lm(log(DriversKilled / kms) ~ law + since + time + wave, data = law)
note("log.level", exp(coef(line)["law"])); note("log.slope", exp(coef(line)["since"]))
note("log.level.se", sqrt(vcov(line)["law", "law"]))
note("log.variance", summary(line)$sigma^2)
note("log.hac4.se", sqrt(NeweyWest(line, lag = 4, prewhite = FALSE, adjust = FALSE)["law", "law"]))

sicily <- read.csv(file.path(here, "sicily.csv"))
sicily$time <- 1:59; sicily$ban <- as.integer(sicily$time > 36)
wave <- with(sicily, cbind(sin(2 * pi * month / 12), cos(2 * pi * month / 12), sin(4 * pi * month / 12), cos(4 * pi * month / 12)))
plain <- glm(aces ~ offset(log(stdpop)) + ban + time, family = poisson, data = sicily, control = exact)
season <- glm(aces ~ offset(log(stdpop)) + ban + time + wave, family = quasipoisson, data = sicily, control = exact)
sloped <- glm(aces ~ offset(log(stdpop)) + ban + time + I((time - 37) * ban) + wave, family = quasipoisson, data = sicily, control = exact)
for (name in c("plain", "season")) {
  fit <- get(name); ends <- exp(confint.default(fit)["ban", ])
  note(paste0("sicily.", name, ".estimate"), exp(coef(fit)["ban"]))
  note(paste0("sicily.", name, ".low"), ends[1]); note(paste0("sicily.", name, ".high"), ends[2])
}
note("sicily.season.trend", exp(coef(season)["time"]))
note("sicily.season.dispersion", summary(season)$dispersion)
note("sicily.sloped.level", exp(coef(sloped)["ban"]))
note("sicily.sloped.slope", exp(coef(sloped)["I((time - 37) * ban)"]))
# effect over the last 11 months against the counterfactual, delta method on the logarithm
last <- sicily$time >= 49
X <- model.matrix(sloped); X0 <- X; X0[, c("ban", "I((time - 37) * ban)")] <- 0
mu <- sicily$stdpop * exp(X %*% coef(sloped)); mu0 <- sicily$stdpop * exp(X0 %*% coef(sloped))
g <- colSums(mu[last] * X[last, ]) / sum(mu[last]) - colSums(mu0[last] * X0[last, ]) / sum(mu0[last])
note("sicily.sloped.effect", sum(mu[last]) / sum(mu0[last]))
note("sicily.sloped.effect.se", sqrt(drop(g %*% vcov(sloped) %*% g)))

write.csv(rows, file.path(here, "time_series.csv"), row.names = FALSE, quote = FALSE)
