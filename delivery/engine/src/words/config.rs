//! What is wrong with a pipeline's configuration.
//!
//! The commonest mistakes are told whole in Chinese. Of the many others the kind is told, beside the
//! place; the exact words of the compiler stand beneath.

use std::collections::BTreeMap;

use super::{Phrase, Text};

// A table: one phrase after the other, as wide as it is.
#[rustfmt::skip]
pub(super) const PHRASES: &[Phrase] = &[
    ("config.unknown_keyword", "the key `{key}` is not known", "未知的键 `{key}`"),
    ("config.unknown_keyword_in", "`{place}`: the key `{key}` is not known", "`{place}`：未知的键 `{key}`"),
    ("config.did_you_mean", "did you mean `{near}`?", "您是否想写 `{near}`？"),
    ("config.no_script", "there is no `script`", "没有 `script`"),
    ("config.not_executed", "{what} is known but not executed yet", "{what} 已认识，但尚不执行"),
    ("config.unknown_stage", "there is no stage `{stage}`", "没有阶段 `{stage}`"),
    ("config.extends_unknown", "`{job}` extends `{parent}`, which does not exist", "`{job}` 继承了不存在的 `{parent}`"),
    ("config.file_missing", "the file `{path}` does not exist", "文件 `{path}` 不存在"),
    ("config.yaml_syntax", "the YAML is broken: {why}", "YAML 语法有误：{why}"),
    ("config.wrong_type", "`{field}` must be {wanted:w}, not {found:w}",
        "`{field}` 的类型不对，应为 {wanted}，不应为 {found}"),
    ("config.no_jobs", "there is no visible job", "没有可见的作业"),
    ("config.tabs", "indent with spaces; YAML does not allow tabs there", "请用空格缩进：YAML 此处不允许制表符"),
    ("config.quote_line", "quote the whole line: {line}", "请给整行加引号：{line}"),
    ("config.check_indent", "check the indentation, or quote the text that holds `: `",
        "请检查缩进，或给含有 `: ` 的文字加引号"),
];

/// The kinds of mistakes by the code of the compiler.
const HEADLINES: &[(&str, &str)] = &[
    ("alias_budget", "YAML 别名展开后过大"),
    ("alias_cycle", "YAML 别名循环引用"),
    ("bad_duration", "时长写法有误"),
    ("bad_expression", "条件表达式有误"),
    ("bad_input", "输入（inputs）的值不合要求"),
    ("bad_key", "键的写法有误"),
    ("bad_merge", "`<<` 合并的写法有误"),
    ("bad_pattern", "路径模式有误"),
    ("bad_reference", "`!reference` 的写法有误"),
    ("bad_regex", "正则表达式有误"),
    ("bad_value", "不允许的值"),
    ("cache_key", "缓存键有误"),
    ("cache_key_files", "缓存键的文件列表有误"),
    ("coverage_report_incomplete", "覆盖率报告的声明不完整"),
    ("date_not_allowed", "不允许的日期值"),
    ("default_twice", "默认值重复"),
    ("dependency_not_earlier", "依赖的作业不在更早的阶段"),
    ("dependency_not_needed", "依赖的作业不在 `needs` 中"),
    ("duplicate_job", "作业重名"),
    ("duplicate_key", "键重复"),
    ("empty_matrix", "矩阵没有产生任何作业"),
    ("environment_name", "环境没有名称"),
    ("extends_cycle", "`extends` 循环继承"),
    ("extends_too_deep", "`extends` 层数过多"),
    ("extends_unknown", "`extends` 指向不存在的作业"),
    ("extra_document", "多余的 YAML 文档"),
    ("file_missing", "文件不存在"),
    ("file_too_large", "文件过大"),
    ("file_unreadable", "文件无法读取"),
    ("image_name", "镜像没有名称"),
    ("include_cycle", "`include` 循环引用"),
    ("include_extension", "引用的文件扩展名有误"),
    ("include_nothing", "`include` 没有匹配到文件"),
    ("include_what", "`include` 的写法有误"),
    ("input_missing", "缺少输入（inputs）"),
    ("name_too_long", "名称过长"),
    ("need_in_later_stage", "`needs` 指向更晚的阶段"),
    ("need_not_in_pipeline", "`needs` 指向不在此流水线中的作业"),
    ("need_twice", "`needs` 重复写了同一个作业"),
    ("need_without_job", "`needs` 没有写明作业"),
    ("needs_cycle", "`needs` 循环依赖"),
    ("no_jobs", "没有可见的作业"),
    ("no_name", "作业没有名称"),
    ("no_script", "作业没有 `script`"),
    ("not_executed", "已认识但尚不执行的关键字"),
    ("on_stop", "`on_stop` 有误"),
    ("out_of_range", "数值超出范围"),
    ("path_outside", "路径在仓库之外"),
    ("plan_too_large", "全部作业的文字过大"),
    ("reference_budget", "`!reference` 展开后过大"),
    ("reference_cycle", "`!reference` 循环引用"),
    ("reference_too_deep", "`!reference` 层数过多"),
    ("reference_unknown", "`!reference` 指向不存在的内容"),
    ("release_definition", "发布定义有误"),
    ("rules_and_only", "`rules` 与 `only`/`except` 不能同时使用"),
    (
        "rules_and_start_in",
        "`rules` 与作业级的 `when: delayed`/`start_in` 不能同时使用",
    ),
    ("script_map", "脚本中的命令被读成了映射，请加引号"),
    ("spec_alone", "文件只有 `spec` 头部"),
    ("start_in_alone", "`start_in` 缺少 `when: delayed`"),
    ("start_in_missing", "`when: delayed` 缺少 `start_in`"),
    ("tag_not_allowed", "不允许的 YAML 标签"),
    ("too_deep", "嵌套过深"),
    ("too_many_caches", "缓存过多"),
    ("too_many_checks", "路径检查过多"),
    ("too_many_documents", "YAML 文档过多"),
    ("too_many_includes", "引用的文件过多"),
    ("too_many_jobs", "作业过多"),
    ("too_many_needs", "`needs` 过多"),
    ("too_many_parallel", "并行作业过多"),
    ("too_many_patterns", "路径模式过多"),
    ("too_many_tags", "标签过多"),
    ("unknown_input", "未知的输入（inputs）"),
    ("unknown_job", "未知的作业"),
    ("unknown_keyword", "未知的关键字"),
    ("unknown_ref", "未知的分支、标签或提交"),
    ("unknown_stage", "未知的阶段"),
    ("unknown_tag", "未知的 YAML 标签"),
    ("variable_cycle", "变量循环引用"),
    ("variable_name", "变量名有误"),
    ("wrong_type", "值的类型不对"),
    ("yaml_syntax", "YAML 语法有误"),
];

/// A finding of the compiler in both languages: whole where the catalogue knows it, else its kind.
pub(crate) fn config_error(message: &str, code: &str) -> Text {
    let known = super::read(message, super::MAX_DEPTH);
    if known.whole {
        return known.text;
    }
    let kind = HEADLINES.iter().find(|(known, _)| *known == code);
    let (code, zh) = kind.map_or(("invalid", "配置有误"), |(code, zh)| (code, zh));
    Text {
        code: format!("config.{code}"),
        params: BTreeMap::new(),
        en: message.to_owned(),
        zh: zh.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rialto_delivery_pipeline::{Context, Repository, compile};

    use super::*;

    #[test]
    fn a_mistake_is_told_whole_or_by_its_kind_never_in_english_alone() {
        let whole = config_error(
            "job `a`: the key `scirpt` is not known; did you mean `script`?",
            "",
        );
        assert_eq!(
            whole.zh,
            "作业 `a`：未知的键 `scirpt`；您是否想写 `script`？"
        );
        let kind = config_error("job `a`: needs itself", "needs_cycle");
        assert_eq!(
            (&*kind.code, &*kind.zh),
            ("config.needs_cycle", "`needs` 循环依赖")
        );
        assert_eq!(kind.en, "job `a`: needs itself");
        let old = config_error("written before kinds were kept", "");
        assert_eq!((&*old.code, &*old.zh), ("config.invalid", "配置有误"));
    }

    struct OneFile(&'static str);

    impl Repository for OneFile {
        fn read(&self, path: &str) -> Option<Vec<u8>> {
            (path == ".gitlab-ci.yml").then(|| self.0.as_bytes().to_vec())
        }
        fn list(&self) -> Vec<String> {
            vec![".gitlab-ci.yml".to_owned()]
        }
        fn changed_paths(&self, _: Option<&str>) -> Option<Vec<String>> {
            None
        }
    }

    #[test]
    fn what_the_compiler_says_of_a_file_has_its_kind_in_chinese() {
        let files = [
            "test:\n  script: [x]\n  scirpt: [y]\n",
            "a: [\n",
            "test:\n  stage: nowhere\n  script: [x]\n",
            "test:\n  extends: .gone\n  script: [x]\n",
            "test:\n  script: [x]\n  needs: [other]\n",
            "test:\n  script: [x]\n  when: sometimes\n",
            "test:\n  script: [x]\n  timeout: soon\n",
            "test:\n  script: [x]\n  rules: [{if: '$A =='}]\n",
            "test:\n  script:\n    - echo: b\n",
            "include: {local: /gone.yml}\ntest: {script: [x]}\n",
            "a: {script: [x], needs: [b]}\nb: {script: [x], needs: [a]}\n",
            "a: {script: [x], inherit: 7}\n",
        ];
        let mut kinds = BTreeSet::new();
        for file in files {
            let compiled = compile(&OneFile(file), &Context::default());
            let found: Vec<_> = compiled.errors().chain(compiled.refusals()).collect();
            assert!(!found.is_empty(), "{file}");
            for one in found {
                let text = config_error(&one.message, &one.code);
                assert_ne!(text.code, "config.invalid", "{one}");
                assert!(!text.zh.is_ascii(), "{one}: {text:?}");
                kinds.insert(one.code.clone());
            }
        }
        assert!(kinds.len() >= 8, "{kinds:?}");
    }

    #[test]
    fn headlines_are_in_order_and_told_once() {
        assert!(HEADLINES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
