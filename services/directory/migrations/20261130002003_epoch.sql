-- Below (epoch, tx) every entry of the consumer's types is in its inbox.
alter table directory.watermark add column epoch int not null default 1;
