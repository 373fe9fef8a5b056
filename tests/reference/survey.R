# Reference values for weighted, clustered samples: Rscript tests/reference/survey.R
# R 4.2.2, survey 4.1-1 (Lumley). Writes beside itself survey_districts.csv, the sums by district of its samples of
# Californian schools (Academic Performance Index of 1999 and 2000, California Department of Education), and survey.csv,
# the answers; the tests read those and do not need R.
suppressMessages(library(survey))
data(api)
options(survey.replicates.mse = TRUE)  # squares about the whole sample's answer, not about the replicates' mean
args <- commandArgs()
here <- dirname(sub("^--file=", "", args[grepl("^--file=", args)]))
answers <- data.frame()
note <- function(name, value) answers <<- rbind(answers, data.frame(name = name, value = sprintf("%.12g", value)))
sums <- data.frame()
for (sample in c("apiclus1", "apiclus2")) {
  records <- get(sample)
  records$e <- as.numeric(records$stype == "E")
  parts <- with(records, aggregate(cbind(w = pw, w00 = pw * api00, w99 = pw * api99, we = pw * e), list(district = dnum), sum))
  sums <- rbind(sums, cbind(sample = sample, parts))
  design <- as.svrepdesign(svydesign(id = ~dnum, weights = ~pw, data = records), type = "JK1")
  share <- svymean(~api00 + api99 + e, design)
  for (name in c("api00", "api99", "e")) {
    note(paste(sample, name, "estimate", sep = "."), coef(share)[name]); note(paste(sample, name, "se", sep = "."), sqrt(diag(vcov(share)))[name])
  }
  for (form in c("log", "difference")) {
    change <- withReplicates(design, function(w, data) {
      arms <- c(sum(w * data$api99), sum(w * data$api00)) / sum(w)
      if (form == "log") log(arms[2] / arms[1]) else arms[2] - arms[1]
    })
    note(paste(sample, form, "estimate", sep = "."), change); note(paste(sample, form, "se", sep = "."), sqrt(attr(change, "var")))
  }
}
options(survey.replicates.mse = FALSE)
printed <- svymean(~api00 + api99 + stype, as.svrepdesign(svydesign(id = ~dnum, weights = ~pw, data = apiclus1, fpc = ~fpc)))
print(printed)  # as in the package's own documentation: api00 644.169399 26.3294, api99 606.978142 26.9985, stypeE 0.786885 0.0514
write.csv(sums, file.path(here, "survey_districts.csv"), row.names = FALSE, quote = FALSE)
write.csv(answers, file.path(here, "survey.csv"), row.names = FALSE, quote = FALSE)
