-- Sessions serve every page now, and belong to the directory.

insert into directory.session (digest, source_id, expires_at) select digest, source_id, expires_at from intake.session
    on conflict do nothing;
insert into directory.used_link (digest, used_at) select digest, used_at from intake.used_link on conflict do nothing;
drop table intake.session;
drop table intake.used_link;
